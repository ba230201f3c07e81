import { ConfigError } from '../../errors.ts'

/** A place in a source text from which characters, whole code points, are taken one after the other. */
export class Scanner {
  readonly #what: string
  readonly #characters: readonly string[]
  at = 0

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
