/** An inclusive stretch of code points. */
export type CharacterRange = readonly [first: number, last: number]

/** Code points, as ranges that ascend and neither touch nor overlap; never a surrogate, which UTF-8 cannot spell. */
export type CharacterSet = readonly CharacterRange[]

const last = 0x10ffff
const surrogates: CharacterRange = [0xd800, 0xdfff]

/** Every code point that UTF-8 can spell. */
export const anyCharacter: CharacterSet = [
  [0, surrogates[0] - 1],
  [surrogates[1] + 1, last],
]

/** The set of what any of these ranges, in any order, holds; surrogates are left out. */
export function characterSet(ranges: readonly CharacterRange[]): CharacterSet {
  return intersection(merged(ranges), anyCharacter)
}

/** The set of a text's characters. */
export function charactersOf(text: string): CharacterSet {
  return characterSet(
    Array.from(text, (character): CharacterRange => [character.codePointAt(0)!, character.codePointAt(0)!]),
  )
}

/** What either set holds. */
export function union(a: CharacterSet, b: CharacterSet): CharacterSet {
  return merged([...a, ...b])
}

/** What both sets hold. */
export function intersection(a: CharacterSet, b: CharacterSet): CharacterSet {
  const common: CharacterRange[] = []
  for (let i = 0, j = 0; i < a.length && j < b.length; ) {
    const [x, y] = [a[i] as CharacterRange, b[j] as CharacterRange]
    const from = Math.max(x[0], y[0])
    const to = Math.min(x[1], y[1])
    if (from <= to) common.push([from, to])
    if (x[1] < y[1]) i++
    else j++
  }
  return common
}

/** All characters that `set` does not hold. */
export function complement(set: CharacterSet): CharacterSet {
  const gaps: CharacterRange[] = []
  let from = 0
  for (const [first, end] of set) {
    if (first > from) gaps.push([from, first - 1])
    from = end + 1
  }
  if (from <= last) gaps.push([from, last])
  return intersection(gaps, anyCharacter)
}

/** What `a` holds and `b` does not. */
export function difference(a: CharacterSet, b: CharacterSet): CharacterSet {
  return intersection(a, complement(b))
}

function merged(ranges: readonly CharacterRange[]): CharacterRange[] {
  const result: [number, number][] = []
  for (const [first, end] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const previous = result.at(-1)
    if (previous !== undefined && first <= previous[1] + 1) previous[1] = Math.max(previous[1], end)
    else result.push([first, end])
  }
  return result
}
