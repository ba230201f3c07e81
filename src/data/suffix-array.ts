type Symbols = Uint8Array | Uint16Array | Int32Array

const empty = -1

/**
 * The suffix array of `text`: the start of each suffix, in the order in which the suffixes sort.
 * `text` holds symbols 0 … `alphabetSize` − 1 and must end with the only 0 in it.
 *
 * SA-IS: Nong, Zhang and Chan, "Two Efficient Algorithms for Linear Time Suffix Array Construction",
 * IEEE Transactions on Computers 60(10), 2011. Linear time; beside the result of 4 n bytes it takes
 * n / 8 bytes for the types and 4 `alphabetSize` for the buckets, at each level of a recursion that halves n.
 */
export function suffixArray(text: Symbols, alphabetSize: number): Int32Array {
  const order = new Int32Array(text.length)
  sortSuffixes(text, order, alphabetSize)
  return order
}

function sortSuffixes(text: Symbols, order: Int32Array, alphabetSize: number) {
  if (text.length === 1) {
    order[0] = 0
    return
  }
  const types = new SuffixTypes(text)
  const buckets = new Buckets(text, alphabetSize)
  order.fill(empty)
  const end = buckets.ends()
  for (let i = text.length - 1; i > 0; i--) {
    if (types.isLeftmostSmall(i)) order[--(end[text[i] as number] as number)] = i
  }
  induce(text, order, buckets)
  const count = compactLeftmostSmall(order, types)
  const names = nameSubstrings(text, order, types, count)
  sortReduced(order, count, names)
  placeSorted(text, order, types, buckets, count)
  induce(text, order, buckets)
}

/**
 * Which suffixes are small (type S: less than the suffix after them); the others are large (type L).
 * One bit each, from right to left: a suffix is small if its symbol is less than the next, or equal and the next small.
 */
class SuffixTypes {
  readonly #bits: Uint8Array

  constructor(text: Symbols) {
    this.#bits = new Uint8Array((text.length >>> 3) + 1)
    let small = true
    for (let i = text.length - 1, next = -1; i >= 0; i--) {
      const symbol = text[i] as number
      if (next >= 0) small = symbol < next || (symbol === next && small)
      if (small) (this.#bits[i >>> 3] as number) |= 1 << (i & 7)
      next = symbol
    }
  }

  isSmall(i: number): boolean {
    return (((this.#bits[i >>> 3] as number) >>> (i & 7)) & 1) === 1
  }

  /** Small, with a large suffix before it ("LMS" in the paper). */
  isLeftmostSmall(i: number): boolean {
    return i > 0 && this.isSmall(i) && !this.isSmall(i - 1)
  }
}

/** The ranges that each symbol's suffixes take in the order: where they start, or where they end. */
class Buckets {
  readonly #counts: Int32Array

  constructor(text: Symbols, alphabetSize: number) {
    this.#counts = new Int32Array(alphabetSize)
    for (let i = 0; i < text.length; i++) (this.#counts[text[i] as number] as number)++
  }

  starts(): Int32Array {
    return this.ends().map((end, symbol) => end - (this.#counts[symbol] as number))
  }

  ends(): Int32Array {
    const ends = this.#counts.slice()
    for (let symbol = 1; symbol < ends.length; symbol++) (ends[symbol] as number) += ends[symbol - 1] as number
    return ends
  }
}

/** From leftmost-small suffixes in order: all large suffixes by a pass to the right, then all small ones by one to the left. */
function induce(text: Symbols, order: Int32Array, buckets: Buckets) {
  induceLarge(text, order, buckets.starts())
  induceSmall(text, order, buckets.ends())
}

/** A suffix met in this pass is large or leftmost-small, so the one before it is large if its symbol is not less. */
function induceLarge(text: Symbols, order: Int32Array, free: Int32Array) {
  for (let at = 0; at < order.length; at++) {
    const suffix = order[at] as number
    if (suffix <= 0) continue
    const symbol = text[suffix - 1] as number
    if (symbol >= (text[suffix] as number)) order[(free[symbol] as number)++] = suffix - 1
  }
}

/** A suffix met in this pass is small exactly if the pass has put it where it is. */
function induceSmall(text: Symbols, order: Int32Array, end: Int32Array) {
  for (let at = order.length - 1; at >= 0; at--) {
    const suffix = order[at] as number
    if (suffix <= 0) continue
    const symbol = text[suffix - 1] as number
    const next = text[suffix] as number
    if (symbol < next || (symbol === next && at >= (end[symbol] as number)))
      order[--(end[symbol] as number)] = suffix - 1
  }
}

/** Moves the leftmost-small suffixes to the front, in their order, and says how many they are. */
function compactLeftmostSmall(order: Int32Array, types: SuffixTypes): number {
  let count = 0
  for (let at = 0; at < order.length; at++) {
    const suffix = order[at] as number
    if (types.isLeftmostSmall(suffix)) order[count++] = suffix
  }
  return count
}

/**
 * Names the leftmost-small substrings (equal ones alike, in their order) and leaves the names, in text
 * order, in the last `count` places of `order`. Gives the number of different names.
 */
function nameSubstrings(text: Symbols, order: Int32Array, types: SuffixTypes, count: number): number {
  order.fill(empty, count)
  let names = 0
  for (let at = 0, previous = -1; at < count; at++) {
    const suffix = order[at] as number
    if (previous < 0 || !sameSubstring(text, types, previous, suffix)) names++
    previous = suffix
    // Two leftmost-small suffixes are never neighbours, so half the position is a place of its own.
    order[count + (suffix >>> 1)] = names - 1
  }
  for (let from = order.length - 1, to = order.length - 1; from >= count; from--) {
    if ((order[from] as number) >= 0) order[to--] = order[from] as number
  }
  return names
}

function sameSubstring(text: Symbols, types: SuffixTypes, a: number, b: number): boolean {
  for (let i = 0; ; i++) {
    if (text[a + i] !== text[b + i] || types.isSmall(a + i) !== types.isSmall(b + i)) return false
    if (i > 0 && (types.isLeftmostSmall(a + i) || types.isLeftmostSmall(b + i))) {
      return types.isLeftmostSmall(a + i) && types.isLeftmostSmall(b + i)
    }
  }
}

/** Sorts the reduced text of names, at the end of `order`, into the front of `order`. */
function sortReduced(order: Int32Array, count: number, names: number) {
  const reduced = order.subarray(order.length - count)
  const front = order.subarray(0, count)
  if (names < count) sortSuffixes(reduced, front, names)
  else for (let i = 0; i < count; i++) front[reduced[i] as number] = i
}

/** Puts the leftmost-small suffixes, now truly sorted, at the ends of their buckets; all else is emptied. */
function placeSorted(text: Symbols, order: Int32Array, types: SuffixTypes, buckets: Buckets, count: number) {
  const positions = order.subarray(order.length - count)
  for (let i = 1, k = 0; i < text.length; i++) if (types.isLeftmostSmall(i)) positions[k++] = i
  for (let at = 0; at < count; at++) order[at] = positions[order[at] as number] as number
  order.fill(empty, count)
  const end = buckets.ends()
  for (let at = count - 1; at >= 0; at--) {
    const suffix = order[at] as number
    order[at] = empty
    order[--(end[text[suffix] as number] as number)] = suffix
  }
}
