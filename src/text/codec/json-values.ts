import { DataError } from '../../errors.ts'

/** One value of a JSON file and where it was found. */
export interface JsonItem {
  readonly value: unknown
  /** `FILE line 3` or `FILE item 3`, for messages. */
  readonly where: string
}

/**
 * Reads JSON lines, one value a line; empty lines are passed over. Throws `DataError` with the line for what is not
 * JSON and for a line of more than `longest` characters.
 */
export async function* readJsonLines(text: AsyncIterable<string>, name: string, longest: number) {
  let number = 0
  for await (const line of linesOf(text, name, longest)) {
    number += 1
    if (line.trim() !== '') yield parse(line, `${name} line ${number}`)
  }
}

/**
 * Reads the items of a JSON list one by one, or the values of a file that holds several after each other: memory
 * holds one of them. Throws `DataError` for what is not JSON and for an item of more than `longest` characters.
 */
export async function* readJson(text: AsyncIterable<string>, name: string, longest: number): AsyncGenerator<JsonItem> {
  const splitter = new ValueSplitter()
  let number = 0
  for await (const chunk of text) {
    for (const source of splitter.push(chunk)) {
      checkLength(source.length, longest, `${name} item ${++number}`)
      yield parse(source, `${name} item ${number}`)
    }
    checkLength(splitter.pending, longest, `${name} item ${number + 1}`)
  }
  if (!splitter.complete)
    throw new DataError(`read ${name}: the JSON is cut short after item ${number}; get the file again`, {
      name,
      number,
    })
  for (const source of splitter.finish()) yield parse(source, `${name} item ${++number}`)
}

async function* linesOf(text: AsyncIterable<string>, name: string, longest: number): AsyncGenerator<string> {
  let [parts, length, number] = [[] as string[], 0, 1]
  for await (const chunk of text) {
    let start = 0
    for (let end = chunk.indexOf('\n'); end >= 0; end = chunk.indexOf('\n', start)) {
      checkLength(length + end - start, longest, `${name} line ${number++}`)
      yield parts.join('') + chunk.slice(start, end)
      ;[parts, length, start] = [[], 0, end + 1]
    }
    parts.push(chunk.slice(start))
    length += chunk.length - start
    checkLength(length, longest, `${name} line ${number}`)
  }
  if (length > 0) yield parts.join('')
}

/** Finds where values end: at the comma or bracket of a list, where an object closes, at the end of a line. */
class ValueSplitter {
  private parts: string[] = []
  private length = 0
  private depth = 0
  private list = false
  private quoted = false
  private escaped = false

  /** Characters of the value that is not complete yet. */
  get pending(): number {
    return this.length
  }

  /** Whether every list, object and string that began has ended. */
  get complete(): boolean {
    return this.depth <= 0 && !this.quoted
  }

  push(chunk: string): string[] {
    const values: string[] = []
    let start = 0
    for (const at of this.marks(chunk)) {
      const mark = chunk[at]!
      const included = this.endsValue(mark)
      if (included === undefined) continue
      this.keep(chunk.slice(start, at + included))
      const value = this.take()
      if (value.trim() !== '' || mark === ',') values.push(value)
      start = at + 1
    }
    this.keep(chunk.slice(start))
    return values
  }

  finish(): string[] {
    const value = this.take()
    return value.trim() === '' ? [] : [value]
  }

  /** How many characters of the mark belong to the value that it ends; undefined when it ends none. */
  private endsValue(mark: string): 0 | 1 | undefined {
    const before = this.depth
    if (mark === '[' || mark === '{') {
      this.depth += 1
      if (before === 0) this.list = mark === '['
      return before === 0 && this.list ? 0 : undefined
    }
    if (mark === ']' || mark === '}') {
      this.depth = Math.max(0, before - 1)
      return this.depth > 0 ? undefined : this.list ? 0 : 1
    }
    return before === (mark === ',' ? 1 : 0) && (mark === '\n' || this.list) ? 0 : undefined
  }

  /** Places of brackets, commas and line ends outside strings. */
  private *marks(chunk: string): Generator<number> {
    const outside = /["[\]{},\n]/g
    const inside = /["\\]/g
    for (let at = 0; at < chunk.length; ) {
      const pattern = this.quoted ? inside : outside
      pattern.lastIndex = this.escaped ? at + 1 : at
      this.escaped = false
      const found = pattern.exec(chunk)
      if (!found) return
      at = found.index + 1
      if (found[0] === '\\') {
        this.escaped = at === chunk.length
        at += 1
      } else if (found[0] === '"') this.quoted = !this.quoted
      else yield found.index
    }
  }

  private keep(part: string) {
    this.parts.push(part)
    this.length += part.length
  }

  private take(): string {
    const value = this.parts.join('')
    this.parts = []
    this.length = 0
    return value
  }
}

function parse(source: string, where: string): JsonItem {
  try {
    return { value: JSON.parse(source), where }
  } catch (cause) {
    throw new DataError(`read ${where}: it is not JSON, or cut short; repair or remove it`, { where }, { cause })
  }
}

/** Throws `DataError` for a line or item of more than `longest` characters. */
function checkLength(length: number, longest: number, where: string) {
  if (length <= longest) return
  const remedy = 'split it into documents, or give it as .txt'
  throw new DataError(`read ${where}: more than ${longest} characters in one value; ${remedy}`, { where, longest })
}
