import { hiddenIn, type MaskedText, Masker } from '../../data/masking.ts'
import type { Tokenizer } from '../../data/tokenizers/index.ts'
import { DataError } from '../../errors.ts'
import { bootstrapInterval, type Interval, mean, ratio } from '../../evaluate/bootstrap.ts'
import { type HiddenPrediction, predictHidden } from '../../evaluate/hidden-tokens.ts'
import { Random } from '../../random/random.ts'
import { MaskedModel } from '../../sample/masked-model.ts'
import { type MeasuredText, textFor } from '../measured-text.ts'
import { marksOf } from '../tasks/fill.ts'
import { type FillFigures, onEngine, type Subject, settingsOf, sourceOf, spread, type TextMeasure } from './measure.ts'

/** Pseudo-perplexity, and how often hidden words are guessed. */
export const fillMeasure: TextMeasure = {
  name: 'fill',
  does: 'pseudo-perplexity, and how often hidden words are guessed',
  families: ['masked'],
  takes: ['limit'],
  measure: async (subject) => ({ figures: await measureFill(subject) }),
}

/** Tokens of a window where the model is not one that was trained here: each is computed once for every token in it. */
const usualWindow = 128
/** Tokens hidden one at a time, and words hidden together, where no limit is given. */
const usualTokens = 1024
const usualWords = 4096
/** Devlin et al. 2019, section 3.1. */
const hiddenShare = 0.15

async function measureFill(subject: Subject): Promise<FillFigures> {
  const { model, run, options } = subject
  const { tokenizer } = model
  const { architecture } = model.loadedAs('masked')
  const text = await textFor(model, run?.corpus, options)
  const windowLength = Math.min(
    architecture.dimensions.contextLength,
    settingsOf(subject)?.contextLength ?? usualWindow,
  )
  const windows = new Windows(text, tokenizer, windowLength)
  const alone = [...hiddenAlone(windows, tokenizer, options.limit ?? usualTokens)]
  const words = [...hiddenWords(windows, tokenizer, options.limit ?? usualWords)]
  if (alone.length === 0)
    throw new DataError('evaluate: the text holds special tokens alone; name other text by --data')
  const total = alone.length + words.reduce((sum, { places }) => sum + places.length, 0)
  const [ones, guesses] = await onEngine(options, await model.weights(), async (engine, buffers) => {
    const masked = new MaskedModel(engine, architecture, { buffers })
    const report = (before: number) => (done: number) => {
      options.signal?.throwIfAborted()
      options.onProgress?.({ stage: 'loss', done: before + done, total })
    }
    try {
      return [await predictHidden(masked, alone, report(0)), await predictHidden(masked, words, report(alone.length))]
    } finally {
      await masked.release()
    }
  })
  const bytes = alone.map(({ targets }) => tokenizer.bytesOf(targets[0]!).length)
  return {
    task: 'fill',
    ...pseudoFigures(ones!.flat(), bytes),
    hidden: guessFigures(words, guesses!, tokenizer),
    text: {
      source: sourceOf(options),
      tokens: text.ids.tokens,
      bytes: text.bytes,
      documents: text.documents,
      windowLength,
    },
  }
}

/** A text in windows, each framed as the tokenizer's model expects it. */
class Windows {
  readonly count: number
  /** Ids of the text in a window. */
  readonly width: number
  /** Tokens of the frame before the text. */
  readonly before: number
  readonly #text: MeasuredText
  readonly #tokenizer: Tokenizer

  constructor(text: MeasuredText, tokenizer: Tokenizer, windowLength: number) {
    if (text.ids.tokens === 0) throw new DataError('evaluate: there is no text to measure on; add some')
    this.width = windowLength - tokenizer.template.frame([]).ids.length
    this.before = tokenizer.template.frame([-1]).ids.indexOf(-1)
    this.count = Math.ceil(text.ids.tokens / this.width)
    this.#text = text
    this.#tokenizer = tokenizer
  }

  get tokens(): number {
    return this.#text.ids.tokens
  }

  read(index: number): Int32Array {
    const ids = new Int32Array(Math.min(this.width, this.tokens - index * this.width))
    this.#text.ids.read(index * this.width, ids.length, ids)
    return this.#tokenizer.template.frame(ids).ids
  }
}

/**
 * Windows with a single token hidden each (Salazar et al. 2020, section 2.1): of every token, or of as many as `limit`
 * says, one drawn from each of as many parts of the text.
 */
function* hiddenAlone(windows: Windows, tokenizer: Tokenizer, limit: number): Generator<MaskedText> {
  const { mask, special } = marksOf(tokenizer)
  const random = Random.seed(0).split('pseudo-likelihood')
  const parts = [...spread(windows.tokens, limit), windows.tokens]
  for (let part = 0; part + 1 < parts.length; part++) {
    const at = parts[part]! + random.integer(parts[part + 1]! - parts[part]!)
    const ids = windows.read(Math.floor(at / windows.width))
    const place = windows.before + (at % windows.width)
    const target = ids[place]!
    if (special[target] === 1) continue
    ids[place] = mask
    yield { ids, places: [place], targets: [target] }
  }
}

/** Windows at even distances with a share of their words hidden, as many as hold `limit` words. */
function* hiddenWords(windows: Windows, tokenizer: Tokenizer, limit: number): Generator<MaskedText> {
  const marks = marksOf(tokenizer)
  const masker = new Masker({ share: hiddenShare, wholeWords: true, ...marks })
  const hiding = Random.seed(0).split('words')
  const wanted = Math.ceil(limit / hiddenIn(windows.width, hiddenShare))
  for (const index of spread(windows.count, wanted)) {
    const { ids, places, targets } = masker.hide(windows.read(index), hiding.at(index))
    for (const place of places) ids[place] = marks.mask // where training would leave it or put another
    yield { ids, places, targets }
  }
}

function pseudoFigures(predictions: readonly HiddenPrediction[], bytes: readonly number[]) {
  const losses = predictions.map(({ logProbability }) => -logProbability)
  const random = Random.seed(0).split('evaluation')
  const pseudoLoss = bootstrapInterval(losses, mean, random.split('loss'))
  const both = losses.map((loss, i) => ({ value: loss / Math.LN2, weight: bytes[i]! }))
  return {
    pseudoLoss,
    pseudoPerplexity: { ...mapped(pseudoLoss, Math.exp), confidence: pseudoLoss.confidence },
    pseudoBitsPerByte: bootstrapInterval(both, ratio, random.split('bytes')),
    pseudoTokens: losses.length,
  }
}

function mapped({ estimate, low, high }: Interval, change: (value: number) => number) {
  return { estimate: change(estimate), low: change(low), high: change(high) }
}

function guessFigures(
  texts: readonly MaskedText[],
  guesses: readonly (readonly HiddenPrediction[])[],
  tokenizer: Tokenizer,
): FillFigures['hidden'] {
  const words = texts.flatMap((text, i) => wordsOf(text, guesses[i]!, tokenizer))
  const random = Random.seed(0).split('evaluation')
  const within = (most: number) => (word: readonly number[]) => word.filter((rank) => rank < most).length
  const share = (
    name: string,
    right: (word: readonly number[]) => number,
    weight: (word: readonly number[]) => number,
  ) =>
    bootstrapInterval(
      words.map((word) => ({ value: right(word), weight: weight(word) })),
      ratio,
      random.split(name),
    )
  return {
    share: hiddenShare,
    words: words.length,
    tokens: words.reduce((sum, word) => sum + word.length, 0),
    top1: share('top1', within(1), ({ length }) => length),
    top5: share('top5', within(5), ({ length }) => length),
    wholeWords: share(
      'words',
      (word) => (word.every((rank) => rank === 0) ? 1 : 0),
      () => 1,
    ),
  }
}

/** The ranks of each hidden word's tokens. */
function wordsOf({ places, targets }: MaskedText, guesses: readonly HiddenPrediction[], tokenizer: Tokenizer) {
  const words: number[][] = []
  for (const [i, place] of places.entries()) {
    const goesOn = places[i - 1] === place - 1 && !tokenizer.beginsWord(targets[i]!)
    if (goesOn) words.at(-1)!.push(guesses[i]!.rank)
    else words.push([guesses[i]!.rank])
  }
  return words
}
