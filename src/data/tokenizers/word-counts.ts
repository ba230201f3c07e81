import { pieceEnd } from './pre-tokenizer.ts'

/** How often each piece of GPT-2's pre-tokenizer occurs; a plain map, so that worker threads can send it. */
export type WordCounts = Map<string, number>

/** Adds the pieces of some texts, in NFC, to `counts` and gives it back. */
export function countWords(texts: Iterable<string>, counts: WordCounts = new Map()): WordCounts {
  for (const text of texts) countPieces(text.normalize('NFC'), counts)
  return counts
}

function countPieces(text: string, counts: WordCounts): void {
  for (let start = 0; start < text.length; ) {
    const end = pieceEnd(text, start)
    const word = text.slice(start, end)
    counts.set(word, (counts.get(word) ?? 0) + 1)
    start = end
  }
}

/** Adds `more` to `counts` and gives it back: the counts of two corpora together. */
export function mergeWordCounts(counts: WordCounts, more: ReadonlyMap<string, number>): WordCounts {
  for (const [word, count] of more) counts.set(word, (counts.get(word) ?? 0) + count)
  return counts
}
