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

/**
 * Roles as `tokenizer_config.json` gives them. Where it names neither bos nor eos, `<|endoftext|>` is both, if the
 * vocabulary has it, else what parts texts ends them, as in BERT; `unknownPiece` is the model's own.
 */
export function specialRoles(
  config: TokenizerConfigJson,
  idOf: (piece: string) => number | undefined,
  unknownPiece: string | undefined,
): SpecialRoles {
  const find = (piece: string | undefined) => (piece === undefined ? undefined : idOf(piece))
  const [bos, eos] = [nameOf(config.bos_token), nameOf(config.eos_token)]
  const fallback = bos === undefined && eos === undefined ? END_OF_TEXT : undefined
  const sep = find(nameOf(config.sep_token))
  return {
    bos: find(bos ?? fallback),
    eos: find(eos ?? fallback) ?? sep,
    cls: find(nameOf(config.cls_token)),
    sep,
    mask: find(nameOf(config.mask_token)),
    pad: find(nameOf(config.pad_token)),
    unknown: find(nameOf(config.unk_token) ?? unknownPiece),
    addBos: config.add_bos_token === true && find(bos) !== undefined,
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
