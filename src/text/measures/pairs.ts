import { PairSource } from '../../data/pairs.ts'
import type { Pair } from '../../data/span-corruption.ts'
import type { Tokenizer } from '../../data/tokenizers/index.ts'
import { ConfigError, DataError } from '../../errors.ts'
import { readDocuments } from '../codec/read-documents.ts'
import type { EvaluateTextOptions } from '../evaluate-text.ts'
import { promptIds } from '../prompt.ts'
import { endOf } from '../tasks/sequence.ts'
import type { TextModel } from '../text-model.ts'
import { type Subject, sourceOf, spread, type TextMeasure } from './measure.ts'
import { type MeasuredPair, pairFigures } from './pair-figures.ts'

/** The likelihood of each target given its source, for models that read and write and for those that continue. */
export const pairsMeasure: TextMeasure = {
  name: 'pairs',
  does: 'the likelihood of the second text of each pair, given the first',
  families: ['sequenceToSequence', 'causal'],
  takes: ['limit', 'between', 'samples'],
  async measure(subject) {
    const { model, options } = subject
    const { pairs, of } = await pairsOf(subject)
    const { sizes, ...figures } = await pairFigures(model, pairs, options)
    const chosen = (count: number) => spread(pairs.length, count).map((index) => pairs[index]!)
    const text = { source: sourceOf(options), ...sizes, documents: pairs.length, of, ...betweenOf(subject) }
    return {
      figures: { ...figures, task: 'pairs', text },
      writing: {
        prompts: (count) => chosen(count).map(({ prompt }) => prompt),
        baseline: (prompts) => chosen(prompts.length).map(({ answer }) => answer),
      },
    }
  },
}

/** Pairs that are measured where no limit is given. */
const usualPairs = 1000

interface Asked extends MeasuredPair {
  readonly prompt: string
  readonly answer: string
}

/** At most so many pairs, at even distances, of all that there are. */
async function pairsOf(subject: Subject): Promise<{ pairs: readonly Asked[]; of: number }> {
  const { run, model, options } = subject
  const { data, limit = usualPairs } = options
  if (data) {
    const all = await readPairs(data, options)
    const { between = '' } = betweenOf(subject)
    return { pairs: spread(all.length, limit).map((index) => asked(model, all[index]!, between)), of: all.length }
  }
  if (run?.record.task !== 'pairs')
    throw new DataError(`evaluate: ${model.folder} holds no held-out pairs; name some by --data`)
  const { tokenizer, validation } = run.corpus
  const source = new PairSource(validation, endOf(tokenizer))
  return { pairs: spread(source.size, limit).map((index) => heldOut(tokenizer, source, index)), of: source.size }
}

/** What stands between source and target where a model continues the one with the other. Throws where it does not. */
function betweenOf({ model, options }: Subject): { readonly between?: string } {
  if (model.family === 'causal') return { between: options.between ?? '\n' }
  if (options.between === undefined) return {}
  throw new ConfigError(
    `evaluate: between is for models that continue texts, and ${model.folder} reads them; leave it out`,
  )
}

/** Of one pair, however long. */
const whole = { batchSize: 1, sourceLength: Number.MAX_SAFE_INTEGER, targetLength: Number.MAX_SAFE_INTEGER }

/** A pair of a run's corpus: its ids, and the texts that they stand for. */
function heldOut(tokenizer: Tokenizer, pairs: PairSource, index: number): Asked {
  const pair = pairs.pair(index, whole)
  const text = (ids: Int32Array) => tokenizer.decode(ids, { skipSpecial: true })
  const answer = text(pair.target)
  return { ...pair, prompt: text(pair.source), answer, bytes: Buffer.byteLength(answer) }
}

interface TextPair {
  readonly source: string
  readonly target: string
}

async function readPairs(paths: readonly string[], { field, signal }: EvaluateTextOptions): Promise<TextPair[]> {
  const pairs: TextPair[] = []
  let [source, target, isTarget] = ['', '', false]
  for await (const { text, last, endsPart } of readDocuments(paths, { field, signal, pairs: true }).segments) {
    if (isTarget) target += text
    else source += text
    isTarget ||= endsPart === true
    if (!last) continue
    pairs.push({ source, target })
    ;[source, target, isTarget] = ['', '', false]
  }
  return pairs
}

function asked(model: TextModel, { source, target }: TextPair, between: string): Asked {
  const prompt = source + between
  const ids = encodedPair(model, { source: prompt, target })
  return { ...ids, prompt, answer: target, bytes: Buffer.byteLength(target) }
}

/** Ids of a prompt, as a model of either family is given it, and of what is to follow it, the end last. */
export function encodedPair({ tokenizer, family }: TextModel, { source, target }: TextPair): Pair {
  return family === 'causal' ? continuationIds(tokenizer, source, target) : answerIds(tokenizer, source, target)
}

/** Ids of a source as the tokenizer's model expects it, and of a target, its end last. */
function answerIds(tokenizer: Tokenizer, source: string, target: string): Pair {
  const plain = { parseSpecial: false }
  return {
    source: tokenizer.template.frame(tokenizer.encode(source, plain)).ids,
    target: Int32Array.of(...tokenizer.encode(target, plain), endOf(tokenizer)),
  }
}

/** Ids of a prompt and of what is to follow it: of both as one text, where the prompt's ids begin it. */
function continuationIds(tokenizer: Tokenizer, prompt: string, target: string): Pair {
  const source = promptIds(tokenizer, prompt)
  const all = promptIds(tokenizer, prompt + target)
  const joined = source.every((id, i) => all[i] === id) && all.length > source.length
  const rest = joined ? all.slice(source.length) : [...tokenizer.encode(target, { parseSpecial: false })]
  const end = tokenizer.eos === undefined ? [] : [tokenizer.eos]
  return { source: Int32Array.from(source), target: Int32Array.from([...rest, ...end]) }
}
