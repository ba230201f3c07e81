/** A unit that n-grams are made of: a word, a character, or a token's id. */
export type Unit = string | number

/** How often each n-gram occurs in one text; keys are only good for comparing. */
export type NgramCounts = ReadonlyMap<string, number>

/**
 * Splits text into words and single marks of punctuation, in lower case, so that diversity measured on
 * them does not depend on a model's tokenizer: `wordsOf("Don't go!")` is `["don't", "go", "!"]`.
 */
export function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/[\p{L}\p{M}\p{N}]+(?:['’][\p{L}\p{M}\p{N}]+)*|[^\s\p{L}\p{M}\p{N}]/gu) ?? []
}

/** Counts the n-grams of one text; a text shorter than n has none. */
export function countNgrams(units: readonly Unit[], n: number): NgramCounts {
  const counts = new Map<string, number>()
  for (let i = 0; i + n <= units.length; i++) {
    const key = JSON.stringify(units.slice(i, i + n))
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return counts
}

/**
 * distinct-n = different n-grams / all n-grams, over all texts together; 1 is the most diverse. 1 for no n-grams.
 *
 * Li et al., "A Diversity-Promoting Objective Function for Neural Conversation Models", NAACL 2016.
 * We divide by the number of n-grams where the paper divides by that of tokens, so that texts
 * that never repeat score 1. It falls as texts grow: compare only equal amounts of text.
 */
export function distinctN(texts: readonly (readonly Unit[])[], n: number): number {
  const different = new Set<string>()
  let total = 0
  for (const units of texts) {
    for (const key of countNgrams(units, n).keys()) different.add(key)
    total += Math.max(0, units.length - n + 1)
  }
  return total === 0 ? 1 : different.size / total
}

/**
 * rep-n = 1 − different n-grams / all n-grams within one text: 0 never repeats, towards 1 loops. 0 for no n-grams.
 * Welleck et al., "Neural Text Generation with Unlikelihood Training", ICLR 2020 ("seq-rep-n").
 */
export function repetitionRate(units: readonly Unit[], n = 4): number {
  const total = units.length - n + 1
  return total <= 0 ? 0 : 1 - countNgrams(units, n).size / total
}
