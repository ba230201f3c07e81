import type { TokenSource } from './token-dataset.ts'

/** Tokens that are counted at most: enough for the logarithms of all but the rarest. */
const mostTokens = 1 << 22
const readAtOnce = 1 << 16

/**
 * Natural logarithms of the shares that ids have in the beginning of a text, each counted half a time more than it
 * occurs: [vocabSize].
 */
export function logFrequencies(source: TokenSource, vocabSize: number): Float32Array {
  const counts = new Float64Array(vocabSize).fill(0.5)
  const total = Math.min(source.tokens, mostTokens)
  const chunk = new Int32Array(readAtOnce)
  for (let start = 0; start < total; start += readAtOnce) {
    const length = Math.min(readAtOnce, total - start)
    source.read(start, length, chunk)
    for (let i = 0; i < length; i++) counts[chunk[i]!]!++
  }
  const sum = counts.reduce((a, b) => a + b, 0)
  return Float32Array.from(counts, (count) => Math.log(count / sum))
}
