import { characterEscape, classEscape } from './character-escapes.ts'
import { type CharacterRange, type CharacterSet, characterSet, complement, union } from './character-set.ts'
import type { Scanner } from './scanner.ts'

/** Reads a class such as `[^a-z\d]`, from behind its opening bracket to behind the closing one. */
export function bracketClass(scanner: Scanner): CharacterSet {
  const start = scanner.at - 1
  const isNegated = scanner.takes('^')
  let set: CharacterSet = []
  while (!scanner.takes(']')) {
    if (scanner.isAtEnd) throw scanner.error("this '[' is never closed; end the class with ']'", start)
    set = union(set, item(scanner))
  }
  return isNegated ? complement(set) : set
}

/** One character, one range, or one escape of several. */
function item(scanner: Scanner): CharacterSet {
  const start = scanner.at
  if (scanner.peek() === '\\') {
    scanner.next()
    const several = classEscape(scanner)
    if (several !== undefined) return several
    scanner.at = start
  }
  const first = character(scanner)
  const isRange = scanner.peek() === '-' && scanner.peek(1) !== ']' && scanner.peek(1) !== ''
  if (!isRange) return characterSet([[first, first]])
  scanner.next()
  const last = character(scanner)
  if (last < first) throw scanner.error('the range ends before it begins; turn it round', start)
  const range: CharacterRange = [first, last]
  return characterSet([range])
}

function character(scanner: Scanner): number {
  return scanner.takes('\\') ? characterEscape(scanner) : scanner.next().codePointAt(0)!
}
