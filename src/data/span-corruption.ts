import type { Random } from '../random/random.ts'

/** How much is taken out, in spans of which length on average. */
export interface SpanOptions {
  /** Share of the ids, 0 to 1. */
  readonly share: number
  readonly meanSpan: number
}

/** What a text of so many ids comes to when spans are taken out. */
export interface CorruptedLengths {
  readonly hidden: number
  readonly spans: number
  /** Ids of what is left, a sentinel for each span, and the end. */
  readonly source: number
  /** Ids of what was taken out, a sentinel before each span, and the end. */
  readonly target: number
}

/** The lengths that {@link corruptSpans} gives to a text of `n` ≥ 2 ids: they depend on `n` alone. */
export function corruptedLengths(n: number, { share, meanSpan }: SpanOptions): CorruptedLengths {
  const hidden = Math.min(Math.max(Math.round(n * share), 1), n - 1)
  const spans = Math.min(Math.max(Math.round(hidden / meanSpan), 1), n - hidden)
  return { hidden, spans, source: n - hidden + spans + 1, target: hidden + spans + 1 }
}

/** The longest text whose source has at most `length` ids, at least 2. */
export function longestText(length: number, options: SpanOptions): number {
  let n = 2
  while (n < 8 * length && corruptedLengths(n + 1, options).source <= length) n++
  return n
}

/** A text to read and one to write. */
export interface Pair {
  readonly source: Int32Array
  readonly target: Int32Array
}

/**
 * Takes random spans out of a text of at least 2 ids (Raffel et al. 2020, section 3.1.4 and appendix of their code,
 * `random_spans_noise_mask`): kept and taken spans alternate, kept ones first, all partitions equally likely; in the
 * source a sentinel stands for each, in the target the same sentinel before what it stands for. Both end with `end`.
 */
export function corruptSpans(
  ids: Int32Array,
  options: SpanOptions,
  { sentinels, end }: { readonly sentinels: ArrayLike<number>; readonly end: number },
  random: Random,
): Pair {
  const { hidden, spans, source: S, target: T } = corruptedLengths(ids.length, options)
  const kept = partition(ids.length - hidden, spans, random)
  const taken = partition(hidden, spans, random)
  const [source, target] = [new Int32Array(S).fill(end), new Int32Array(T).fill(end)]
  let [at, s, t] = [0, 0, 0]
  for (let span = 0; span < spans; span++) {
    source.set(ids.subarray(at, at + kept[span]!), s)
    at += kept[span]!
    s += kept[span]!
    source[s++] = sentinels[span]!
    target[t++] = sentinels[span]!
    target.set(ids.subarray(at, at + taken[span]!), t)
    at += taken[span]!
    t += taken[span]!
  }
  return { source, target }
}

/** `total` as a sum of `parts` numbers from 1, all ways equally likely. */
function partition(total: number, parts: number, random: Random): number[] {
  const cuts = [...random.permutation(total - 1).subarray(0, parts - 1)].map((cut) => cut + 1).sort((a, b) => a - b)
  return [...cuts, total].map((cut, i) => cut - (cuts[i - 1] ?? 0))
}
