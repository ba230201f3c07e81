import type { MaskedText } from '../data/masking.ts'
import { logNormalizer } from '../sample/log-probabilities.ts'
import type { MaskedModel } from '../sample/masked-model.ts'

/** What a masked model makes of a hidden token. */
export interface HiddenPrediction {
  /** ln P(token | what is left of the text). */
  readonly logProbability: number
  /** How many ids it holds likelier, 0 where the token is its first guess; of equals, lower ids come first. */
  readonly rank: number
}

/** Tokens and logits of a batch, for speed and for memory. */
const batchTokens = 2048
const batchLogits = 1 << 25

/**
 * What the model makes of each hidden token of each text, all of a text's at once, in order of texts and places. Texts of
 * one length that follow each other are computed together. `onDone` hears of tokens done.
 */
export async function predictHidden(
  model: Pick<MaskedModel, 'logits' | 'vocabSize'>,
  texts: Iterable<MaskedText>,
  onDone: (done: number) => void = () => {},
): Promise<HiddenPrediction[][]> {
  const all: HiddenPrediction[][] = []
  let done = 0
  for (const batch of batchesOf(texts, model.vocabSize)) {
    const length = batch[0]!.ids.length
    const places = batch.flatMap((text, row) => text.places.map((place) => row * length + place))
    const logits = await model.logits(
      batch.map(({ ids }) => ids),
      places,
    )
    let at = 0
    const next = (id: number) => predictionOf(logits.subarray(at * model.vocabSize, ++at * model.vocabSize), id)
    for (const { targets } of batch) all.push(targets.map(next))
    done += places.length
    onDone(done)
  }
  return all
}

function* batchesOf(texts: Iterable<MaskedText>, vocabSize: number): Generator<MaskedText[]> {
  let [batch, places]: [MaskedText[], number] = [[], 0]
  for (const text of texts) {
    const rows = batch.length + 1
    const isFull = rows * text.ids.length > batchTokens || (places + text.places.length) * vocabSize > batchLogits
    if (batch.length > 0 && (isFull || batch[0]!.ids.length !== text.ids.length)) {
      yield batch
      ;[batch, places] = [[], 0]
    }
    batch.push(text)
    places += text.places.length
  }
  if (batch.length > 0) yield batch
}

function predictionOf(logits: Float32Array, target: number): HiddenPrediction {
  const own = logits[target]!
  let rank = 0
  for (let id = 0; id < logits.length; id++) if (logits[id]! > own || (logits[id] === own && id < target)) rank++
  return { logProbability: own - logNormalizer(logits), rank }
}
