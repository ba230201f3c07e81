import type { Pair } from '../../data/span-corruption.ts'
import { DataError } from '../../errors.ts'
import { bootstrapInterval, mean } from '../../evaluate/bootstrap.ts'
import { perplexity } from '../../evaluate/likelihood.ts'
import { continued, type PairForm, type PairScore, readAndWritten, scorePairs } from '../../evaluate/pair-likelihood.ts'
import type { Family } from '../../models/registry.ts'
import { Random } from '../../random/random.ts'
import type { EvaluateTextOptions } from '../evaluate-text.ts'
import type { TextModel } from '../text-model.ts'
import { onEngine, type PairFigures } from './measure.ts'

/** A pair as a model's ids. */
export interface MeasuredPair extends Pair {
  /** UTF-8 bytes that the target stands for. */
  readonly bytes: number
}

/** A pair as it fits a model, `cut` where its source had to be cut; undefined where its target is too long. */
type Fitted = { readonly pair: Pair; readonly cut: boolean } | undefined

interface Way {
  readonly form: PairForm
  fitted(pair: Pair): Fitted
}

const ways: { readonly [F in Exclude<Family, 'masked'>]: (model: TextModel) => Way } = {
  causal: (model) => {
    const { architecture } = model.loadedAs('causal')
    const { contextLength } = architecture.dimensions
    return {
      form: continued(architecture),
      fitted: ({ source, target }) => {
        const room = contextLength - (target.length - 1)
        if (room < 1) return undefined
        return { pair: { source: source.slice(-room), target }, cut: source.length > room }
      },
    }
  },
  sequenceToSequence: (model) => {
    const { architecture } = model.loadedAs('sequenceToSequence')
    const { contextLength } = architecture.dimensions
    const { pad_token_id: pad, decoder_start_token_id: start } = architecture.config
    return {
      form: readAndWritten(architecture, { pad: Number(pad), start: Number(start) }),
      fitted: ({ source, target }) => {
        if (target.length > contextLength) return undefined
        const kept = source.slice(0, contextLength)
        kept[kept.length - 1] = source.at(-1)! // as training cuts it: its beginning, and its end token
        return { pair: { source: kept, target }, cut: source.length > contextLength }
      },
    }
  },
}

/** Likelihoods of targets by a model that continues its sources, or reads them. Throws DataError where none fits. */
export async function pairFigures(
  model: TextModel,
  pairs: readonly MeasuredPair[],
  options: EvaluateTextOptions,
): Promise<Omit<PairFigures, 'task' | 'text'> & { readonly sizes: ReturnType<typeof sizesOf> }> {
  const { form, fitted } = ways[model.family as keyof typeof ways](model)
  const all = pairs.map((pair) => ({ fits: fitted(pair), bytes: pair.bytes }))
  const measured = all.flatMap(({ fits, bytes }) => (fits ? [{ ...fits, bytes }] : []))
  if (measured.length === 0)
    throw new DataError(`evaluate: no pair of ${pairs.length} has a target that fits the model; name others by --data`)
  const { quantized } = model.loadedAs(model.family)
  const scores = await onEngine(options, await model.weights(), (engine, buffers) =>
    scorePairs(
      engine,
      form,
      { weights: buffers, quantized },
      measured.map(({ pair }) => pair),
      (done) => {
        options.signal?.throwIfAborted()
        options.onProgress?.({ stage: 'loss', done, total: measured.length })
      },
    ),
  )
  const left = [...scores]
  return {
    ...figuresOf(scores.map((score, i) => ({ ...score, bytes: measured[i]!.bytes }))),
    logProbabilities: all.map(({ fits }) => (fits ? left.shift()!.logProbability : null)),
    sizes: sizesOf(measured),
  }
}

function figuresOf(scores: readonly (PairScore & { readonly bytes: number })[]) {
  const sum = (pick: (score: (typeof scores)[number]) => number) => (items: typeof scores) =>
    items.reduce((total, item) => total + pick(item), 0)
  const [loss, bytes, tokens] = [sum((one) => -one.logProbability), sum((one) => one.bytes), sum((one) => one.tokens)]
  const random = Random.seed(0).split('evaluation')
  const validationLoss = loss(scores) / tokens(scores)
  return {
    validationLoss,
    perplexity: perplexity(validationLoss),
    bitsPerByte: bootstrapInterval(scores, (items) => loss(items) / (Math.LN2 * bytes(items)), random.split('bytes')),
    accuracy: sum((one) => one.correct)(scores) / tokens(scores),
    meanLogProbability: bootstrapInterval(
      scores.map(({ logProbability }) => logProbability),
      mean,
      random.split('pairs'),
    ),
  }
}

function sizesOf(measured: readonly { readonly pair: Pair; readonly cut: boolean; readonly bytes: number }[]) {
  return {
    pairs: measured.length,
    cutSources: measured.filter(({ cut }) => cut).length,
    tokens: measured.reduce((sum, { pair }) => sum + pair.target.length, 0),
    bytes: measured.reduce((sum, { bytes }) => sum + bytes, 0),
  }
}
