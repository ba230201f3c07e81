import type { Random } from '../random/random.ts'
import { logNormalizer } from './log-probabilities.ts'
import type { MaskedModel } from './masked-model.ts'

/** Chooses what stands at a place of a text, from its logits, those of special tokens at −∞. */
export type ChooseId = (logits: Float32Array, place: number, ids: Int32Array) => number

/** How gaps are filled. */
export interface FillOptions {
  /** Ids that never fill a gap. */
  readonly special: readonly number[]
  /** The likeliest by default. */
  readonly choose?: ChooseId
  /** Ends it, between two runs of the model, with the reason of the abort as an error. */
  readonly signal?: AbortSignal | undefined
}

/** A text with its gaps filled. */
export interface FilledText {
  readonly ids: Int32Array
  /** By place, in the order asked: ln of the probability of what stands there, by the model, as it was chosen. */
  readonly logProbabilities: readonly number[]
  /** By place: the logits that it was chosen from. */
  readonly logits: readonly Float32Array[]
}

/**
 * Fills gaps in rounds (mask-predict: Ghazvininejad et al. 2019, section 3.1, equations 3 to 5): all at once, then, in
 * round t of T, the (T − t) / T of them that the model was least sure of are hidden and filled again, seeing the rest.
 * `ids` hold the mask at `places`; never more rounds than places. One round fills each gap for itself.
 */
export async function maskPredict(
  model: MaskedModel,
  ids: Int32Array,
  places: readonly number[],
  { special, choose = likeliestId, signal, rounds }: FillOptions & { readonly rounds: number },
): Promise<FilledText> {
  const filled = ids.slice()
  const sure = new Float64Array(places.length)
  const rows = new Array<Float32Array>(places.length)
  const T = Math.max(1, Math.min(rounds, places.length))
  for (let t = 0; t < T; t++) {
    const hidden = leastSure(sure, Math.floor((places.length * (T - t)) / T))
    for (const i of hidden) filled[places[i]!] = ids[places[i]!]!
    const at = hidden.map((i) => places[i]!)
    signal?.throwIfAborted()
    const logits = await model.logits([filled], at)
    const seen = filled.slice()
    for (const [n, i] of hidden.entries()) {
      const row = logits.slice(n * model.vocabSize, (n + 1) * model.vocabSize)
      const { id, logProbability } = chooseId(row, { special, choose, place: places[i]!, ids: seen })
      filled[places[i]!] = id
      sure[i] = logProbability
      rows[i] = row
    }
  }
  return { ids: filled, logProbabilities: [...sure], logits: rows }
}

/** The indices of the `count` smallest, ascending; of equals the later go first. */
function leastSure(sure: Float64Array, count: number): number[] {
  const order = Array.from(sure.keys()).sort((a, b) => sure[a]! - sure[b]! || b - a)
  return order.slice(0, count).sort((a, b) => a - b)
}

/** Chooses an id and says how likely the model thinks it, special tokens included among the alternatives. */
export function chooseId(
  row: Float32Array,
  {
    special,
    choose,
    place,
    ids,
  }: Required<Omit<FillOptions, 'signal'>> & { readonly place: number; readonly ids: Int32Array },
): { readonly id: number; readonly logProbability: number } {
  const normalizer = logNormalizer(row, { row: 0, step: place })
  const allowed = row.slice()
  for (const id of special) allowed[id] = Number.NEGATIVE_INFINITY
  const id = choose(allowed, place, ids)
  return { id, logProbability: row[id]! - normalizer }
}

/** The id of the largest logit; of equals the lowest. */
export function likeliestId(logits: Float32Array): number {
  let best = 0
  for (let id = 1; id < logits.length; id++) if (logits[id]! > logits[best]!) best = id
  return best
}

/**
 * Fills gaps by Gibbs sampling (Wang and Cho 2019, section 3): from all gaps open, in each sweep every place once, in an
 * order drawn anew, hidden and filled given all others as they stand. What stands after the last sweep is the text.
 */
export async function gibbs(
  model: MaskedModel,
  ids: Int32Array,
  places: readonly number[],
  {
    special,
    choose = likeliestId,
    signal,
    sweeps,
    random,
  }: FillOptions & { readonly sweeps: number; readonly random: Random },
): Promise<FilledText> {
  const filled = ids.slice()
  const sure = new Array<number>(places.length)
  const rows = new Array<Float32Array>(places.length)
  for (let sweep = 0; sweep < sweeps; sweep++) {
    for (const i of random.permutation(places.length)) {
      const place = places[i]!
      signal?.throwIfAborted()
      filled[place] = ids[place]!
      const row = (await model.logits([filled], [place])).slice()
      const { id, logProbability } = chooseId(row, { special, choose, place, ids: filled })
      filled[place] = id
      sure[i] = logProbability
      rows[i] = row
    }
  }
  return { ids: filled, logProbabilities: sure, logits: rows }
}
