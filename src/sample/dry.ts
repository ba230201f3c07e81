import type { LogitsProcessor } from './penalties.ts'

/** How DRY punishes. */
export interface DryOptions {
  readonly multiplier: number
  readonly base: number
  /** The longest repetition that goes unpunished is one shorter. */
  readonly allowedLength: number
  /** Ids that no match reaches across, and that are never punished. */
  readonly breakers: readonly number[]
}

/**
 * "Don't repeat yourself": an id that would continue a repetition of the last m ≥ allowedLength ids loses
 * multiplier × base^(m − allowedLength), with m the longest such match in prompt and continuation.
 *
 * P. E. Weidmann (p-e-w) 2024, text-generation-webui pull request 5677. Matches are found by the Z-algorithm on the
 * reversed sequence (Gusfield 1997, section 1.3): time linear in its length, whatever repeats.
 */
export function dry(options: DryOptions, vocabSize: number, capacity: number): LogitsProcessor {
  const breaks = new Uint8Array(vocabSize)
  for (const id of options.breakers) breaks[id] = 1
  const matches = new Int32Array(capacity)
  const longest = new Int32Array(vocabSize)
  return (logits, { ids, length }) => {
    const limit = lengthSinceBreaker(ids, length, breaks)
    if (limit < options.allowedLength) return
    matchesOfEnd(ids, length, matches)
    longest.fill(0)
    for (let back = 1; back < length; back++) {
      const next = ids[length - back] as number
      const match = Math.min(matches[back] as number, limit)
      if (match > (longest[next] as number) && breaks[next] === 0) longest[next] = match
    }
    for (let back = 1; back < length; back++) {
      const next = ids[length - back] as number
      const match = longest[next] as number
      longest[next] = 0
      if (match < options.allowedLength) continue
      logits[next] = (logits[next] as number) - options.multiplier * options.base ** (match - options.allowedLength)
    }
  }
}

function lengthSinceBreaker(ids: Int32Array, length: number, breaks: Uint8Array): number {
  let count = 0
  while (count < length && breaks[ids[length - 1 - count] as number] === 0) count++
  return count
}

/** `matches[back]`: how many ids that end `back` before the end equal those at the end, from `back` = 1. */
function matchesOfEnd(ids: Int32Array, length: number, matches: Int32Array): void {
  const last = length - 1
  let left = 0
  let right = 0
  for (let back = 1; back < length; back++) {
    let match = back < right ? Math.min(right - back, matches[back - left] as number) : 0
    while (back + match < length && ids[last - match] === ids[last - back - match]) match++
    matches[back] = match
    if (back + match > right) {
      left = back
      right = back + match
    }
  }
}
