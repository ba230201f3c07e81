import type { LogitsProcessor } from './penalties.ts'

/**
 * Forbids every id that would make the last `size` ids, it included, stand a second time in prompt and continuation;
 * where nothing else may follow, none. Paulus et al. 2018, "A deep reinforced model for abstractive summarization",
 * section 2.5, for trigrams; Hugging Face's `no_repeat_ngram_size`, which forbids all even then.
 */
export function noRepeatNgram(size: number): LogitsProcessor {
  return (logits, { ids, length }) => {
    const banned = followersOf(ids, length, size)
    if (banned.size === 0) return
    const isLeft = logits.some((logit, id) => logit > Number.NEGATIVE_INFINITY && !banned.has(id))
    if (isLeft) for (const id of banned) logits[id] = Number.NEGATIVE_INFINITY
  }
}

/** Ids that have followed the last `size` − 1 ids before. */
function followersOf(ids: Int32Array, length: number, size: number): Set<number> {
  const found = new Set<number>()
  const last = length - (size - 1)
  for (let start = 0; start < last; start++) {
    let same = 0
    while (same < size - 1 && ids[start + same] === ids[last + same]) same++
    if (same === size - 1) found.add(ids[start + same] as number)
  }
  return found
}
