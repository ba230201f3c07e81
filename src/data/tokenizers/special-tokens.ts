import { DataError } from '../../errors.ts'
import { END_OF_TEXT } from './tokenizer.ts'
import { type AddedToken, nameOf, type TokenizerConfigJson } from './tokenizer-json.ts'

/** Which tokens begin, end, pad and stand for the unknown. */
export interface SpecialRoles {
  readonly bos: number | undefined
  readonly eos: number | undefined
  readonly pad: number | undefined
  readonly unknown: number | undefined
  readonly cls: number | undefined
  readonly sep: number | undefined
  readonly mask: number | undefined
  readonly addBos: boolean
}

/** What published vocabularies call the tokens of roles: BERT's way, then RoBERTa's and T5's. */
const usual = {
  cls: ['[CLS]'],
  sep: ['[SEP]'],
  mask: ['[MASK]', '<mask>'],
  pad: ['[PAD]', '<pad>'],
  bos: ['<s>'],
  eos: ['</s>'],
} as const

/**
 * Roles as `tokenizer_config.json` gives them. Where it names none, as old files do, which leave them to a program's
 * defaults, they are found by their usual names. Where it names neither bos nor eos, `<|endoftext|>` is both, if the
 * vocabulary has it, else what parts texts ends them, as in BERT; `unknownPiece` is the model's own.
 */
export function specialRoles(
  config: TokenizerConfigJson,
  idOf: (piece: string) => number | undefined,
  unknownPiece: string | undefined,
): SpecialRoles {
  const isSilent = !Object.keys(config).some((key) => /_token$/.test(key) && key !== 'add_bos_token')
  const find = (role: keyof typeof usual, fallback?: string) => {
    const names = [nameOf(config[`${role}_token`]), fallback, ...(isSilent ? usual[role] : [])]
    return names.map((name) => (name === undefined ? undefined : idOf(name))).find((id) => id !== undefined)
  }
  const endOfText = nameOf(config.bos_token) || nameOf(config.eos_token) ? undefined : END_OF_TEXT
  const unknown = nameOf(config.unk_token) ?? unknownPiece
  const [bos, eos, mask] = [find('bos', endOfText), find('eos', endOfText), find('mask')]
  const framesAsRoberta = isSilent && mask !== undefined && mask === idOf('<mask>')
  const sep = find('sep') ?? (framesAsRoberta ? eos : undefined)
  return {
    bos,
    eos: eos ?? sep,
    cls: find('cls') ?? (framesAsRoberta ? bos : undefined),
    sep,
    mask,
    pad: find('pad'),
    unknown: unknown === undefined ? undefined : idOf(unknown),
    addBos: config.add_bos_token === true && bos !== undefined && nameOf(config.bos_token) !== undefined,
  }
}

/** A stretch of text, or a special token in it. */
export interface TextPart {
  readonly text: string
  /** The special token's id; undefined for text. */
  readonly id: number | undefined
}

/** Finds added tokens spelled out in a text; of two that start at one place, the longer. */
export class SpecialSplitter {
  readonly #ids: ReadonlyMap<string, number>
  readonly #pattern: RegExp | undefined

  constructor(tokens: readonly AddedToken[]) {
    this.#ids = new Map(tokens.map(({ content, id }) => [content, id]))
    const longestFirst = [...this.#ids.keys()].sort((a, b) => b.length - a.length)
    this.#pattern = longestFirst.length > 0 ? new RegExp(longestFirst.map(escapePattern).join('|'), 'g') : undefined
  }

  /** The text's parts in order, without empty ones. */
  *split(text: string): Generator<TextPart> {
    let start = 0
    for (const match of this.#pattern === undefined ? [] : text.matchAll(this.#pattern)) {
      if (match.index > start) yield { text: text.slice(start, match.index), id: undefined }
      yield { text: match[0], id: this.#ids.get(match[0]) }
      start = match.index + match[0].length
    }
    if (start < text.length) yield { text: start === 0 ? text : text.slice(start), id: undefined }
  }
}

function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
}

/** The id that a text is to begin or end with. Throws DataError if the tokenizer has none. */
export function requireSpecial(id: number | undefined, role: 'bos' | 'eos'): number {
  if (id !== undefined) return id
  throw new DataError(`encode: this tokenizer has no ${role} token; ask without { ${role}: true }`, { role })
}
