import { ConfigError } from '../../errors.ts'

/** The most groups within each other. */
const mostGroups = 200

/** A place in a source text from which characters, whole code points, are taken one after the other. */
export class Scanner {
  readonly #what: string
  readonly #characters: readonly string[]
  at = 0
  #groups = 0

  /** `what` names the source in errors. */
  constructor(source: string, what: string) {
    this.#characters = Array.from(source)
    this.#what = what
  }

  get isAtEnd(): boolean {
    return this.at >= this.#characters.length
  }

  /** The character `ahead` places on; the empty text beyond the end. */
  peek(ahead = 0): string {
    return this.#characters[this.at + ahead] ?? ''
  }

  /** Whether `text` comes next. */
  sees(text: string): boolean {
    return Array.from(text).every((character, i) => this.peek(i) === character)
  }

  next(): string {
    const character = this.peek()
    this.at++
    return character
  }

  /** Passes over `text` where it comes next. */
  takes(text: string): boolean {
    if (!this.sees(text)) return false
    this.at += Array.from(text).length
    return true
  }

  /** Takes characters as long as they match. */
  takeWhile(pattern: RegExp): string {
    const start = this.at
    while (!this.isAtEnd && pattern.test(this.peek())) this.at++
    return this.#characters.slice(start, this.at).join('')
  }

  /** Throws unless `text` comes next. */
  expect(text: string): void {
    if (!this.takes(text)) throw this.error(`got ${this.shown()}, wanted '${text}'`)
  }

  /** What a group holds, read by `inside`; its parenthesis, at `start`, is taken. Throws where it is never closed. */
  group<T>(start: number, inside: () => T): T {
    if (++this.#groups > mostGroups)
      throw this.error(`groups lie in more than ${mostGroups} groups; simplify it`, start)
    const held = inside()
    if (!this.takes(')')) throw this.error("this '(' is never closed; end the group with ')'", start)
    this.#groups--
    return held
  }

  /** What comes next, for errors. */
  shown(): string {
    return this.isAtEnd ? 'its end' : `'${this.peek().replace('\n', '\\n')}'`
  }

  /** An error that names line and column, by default of what comes next. */
  error(message: string, at = this.at): ConfigError {
    const before = this.#characters.slice(0, at)
    const line = before.filter((character) => character === '\n').length + 1
    const column = at - before.lastIndexOf('\n')
    return new ConfigError(`${this.#what}: line ${line}, column ${column}: ${message}`, { line, column })
  }
}
