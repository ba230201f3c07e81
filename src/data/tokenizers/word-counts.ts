import { pieceEnd } from './pre-tokenizer.ts'

/** How often each piece of GPT-2's pre-tokenizer occurs; a plain map, so that worker threads can send it. */
export type WordCounts = Map<string, number>

/** Longer pieces (a line of base64, say) are counted in parts, or each merge would read them anew. In UTF-16 units. */
const longestWord = 256

/** Adds the pieces of some texts, in NFC, to `counts` and gives it back. */
export function countWords(texts: Iterable<string>, counts: WordCounts = new Map()): WordCounts {
  for (const text of texts) countPieces(text.normalize('NFC'), counts)
  return counts
}

function countPieces(text: string, counts: WordCounts): void {
  for (let start = 0; start < text.length; ) {
    const end = pieceEnd(text, start)
    while (start < end) {
      const cut = partEnd(text, start, end)
      const word = text.slice(start, cut)
      counts.set(word, (counts.get(word) ?? 0) + 1)
      start = cut
    }
  }
}

/** The end of a piece, or of as much of it as is counted as one word: never within a surrogate pair. */
function partEnd(text: string, start: number, end: number): number {
  if (end - start <= longestWord) return end
  const cut = start + longestWord
  return text.codePointAt(cut - 1)! > 0xffff ? cut - 1 : cut
}

/** Adds `more` to `counts` and gives it back: the counts of two corpora together. */
export function mergeWordCounts(counts: WordCounts, more: ReadonlyMap<string, number>): WordCounts {
  for (const [word, count] of more) counts.set(word, (counts.get(word) ?? 0) + count)
  return counts
}
