import { DataError } from '../../errors.ts'
import type { PlainEncoder } from './encoders.ts'
import { IdBuffer } from './id-buffer.ts'
import { requireSpecial, type SpecialRoles, SpecialSplitter } from './special-tokens.ts'
import { ByteStreamDecoder } from './stream-decoders.ts'
import type { Template } from './template.ts'
import type { DecodeOptions, EncodeOptions, StreamDecoder, Tokenizer, TokenizerKind } from './tokenizer.ts'
import type { TokenizerConfigJson, TokenizerJson } from './tokenizer-json.ts'

/** All that a tokenizer of ours is made of. */
export interface NativeParts {
  readonly kind: TokenizerKind
  readonly json: TokenizerJson
  /** Tokens by id, as the file spells them. */
  readonly pieces: readonly (string | undefined)[]
  readonly roles: SpecialRoles
  readonly template: Template
  readonly chatTemplate: string | undefined
  readonly encoder: PlainEncoder
  /** What is done to text before it is encoded. */
  readonly normalize: (text: string) => string
  readonly spelling: Spelling
}

/** How tokens spell text. */
export interface Spelling {
  /** Bytes of a token; `isAdded` for added tokens. */
  bytesOf(piece: string, isAdded: boolean): Uint8Array
  /** Bytes of a token that begins a text, where those differ. */
  readonly firstBytesOf?: (piece: string, isAdded: boolean) => Uint8Array
  beginsWord(piece: string): boolean
}

const noBytes = new Uint8Array(0)

/** A tokenizer of ours: special tokens first, then what the file normalizes, then the encoder. */
export class NativeTokenizer implements Tokenizer {
  readonly kind: TokenizerKind
  readonly vocabSize: number
  readonly bos: number | undefined
  readonly eos: number | undefined
  readonly pad: number | undefined
  readonly unknown: number | undefined
  readonly cls: number | undefined
  readonly sep: number | undefined
  readonly mask: number | undefined
  readonly template: Template
  readonly addBos: boolean
  readonly chatTemplate: string | undefined
  readonly specialIds: readonly number[]
  readonly #json: TokenizerJson
  readonly #encoder: PlainEncoder
  readonly #splitter: SpecialSplitter
  readonly #normalize: (text: string) => string
  readonly #pieces: readonly (string | undefined)[]
  readonly #bytes: readonly (Uint8Array | undefined)[]
  /** The same for a text's first token. */
  readonly #firstBytes: readonly (Uint8Array | undefined)[]
  readonly #beginsWord: readonly boolean[]
  readonly #ids: ReadonlyMap<string, number>
  readonly #special: ReadonlySet<number>

  constructor(parts: NativeParts) {
    const { kind, json, pieces, roles, template, encoder, normalize, spelling } = parts
    this.chatTemplate = parts.chatTemplate
    this.kind = kind
    this.#json = json
    this.#encoder = encoder
    this.#splitter = new SpecialSplitter(json.added_tokens)
    this.#normalize = normalize
    this.#pieces = pieces
    this.#ids = new Map(this.#pieces.flatMap((piece, id) => (piece === undefined ? [] : [[piece, id] as const])))
    const added = new Set(json.added_tokens.map(({ id }) => id))
    const spell = (bytesOf: Spelling['bytesOf']) =>
      pieces.map((piece, id) => (piece === undefined ? undefined : bytesOf(piece, added.has(id))))
    this.#bytes = spell(spelling.bytesOf)
    this.#firstBytes = spelling.firstBytesOf ? spell(spelling.firstBytesOf) : this.#bytes
    this.#beginsWord = pieces.map((piece, id) => piece !== undefined && (added.has(id) || spelling.beginsWord(piece)))
    this.vocabSize = this.#pieces.length
    this.bos = roles.bos
    this.eos = roles.eos
    this.pad = roles.pad
    this.unknown = roles.unknown
    this.cls = roles.cls
    this.sep = roles.sep
    this.mask = roles.mask
    this.template = template
    this.addBos = roles.addBos || (roles.bos !== undefined && template.firstId === roles.bos)
    this.specialIds = json.added_tokens.flatMap(({ id, special }) => (special ? [id] : [])).sort((a, b) => a - b)
    this.#special = new Set(this.specialIds)
  }

  encode(text: string, options: EncodeOptions = {}): Int32Array {
    const ids = new IdBuffer(Math.max(16, text.length >> 1))
    this.encodeInto(text, ids, options)
    return ids.toArray()
  }

  encodeInto(text: string, ids: IdBuffer, { parseSpecial = true, bos, eos }: EncodeOptions = {}): void {
    if (bos === true) ids.push(requireSpecial(this.bos, 'bos'))
    if (!parseSpecial) this.#encoder.encode(this.#normalize(text), ids, true)
    else {
      let isStart = true
      for (const part of this.#splitter.split(text)) {
        if (part.id === undefined) this.#encoder.encode(this.#normalize(part.text), ids, isStart)
        else ids.push(part.id)
        isStart = false
      }
    }
    if (eos === true) ids.push(requireSpecial(this.eos, 'eos'))
  }

  decode(ids: ArrayLike<number>, { skipSpecial = false }: DecodeOptions = {}): string {
    const parts: Uint8Array[] = []
    let size = 0
    for (let i = 0; i < ids.length; i++) {
      const bytes = this.#bytesToShow(ids[i]!, skipSpecial, parts.length === 0)
      if (bytes === undefined) continue
      parts.push(bytes)
      size += bytes.length
    }
    const all = new Uint8Array(size)
    let at = 0
    for (const part of parts) {
      all.set(part, at)
      at += part.length
    }
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(all)
  }

  streamDecoder({ skipSpecial = false }: DecodeOptions = {}): StreamDecoder {
    return new ByteStreamDecoder((id, isFirst) => this.#bytesToShow(id, skipSpecial, isFirst))
  }

  /** Undefined for special tokens that are not shown. */
  #bytesToShow(id: number, skipSpecial: boolean, isFirst: boolean): Uint8Array | undefined {
    const bytes = isFirst ? this.#firstBytes[id] : this.#bytes[id]
    if (bytes === undefined) throw noToken(id, this.vocabSize)
    return skipSpecial && this.#special.has(id) ? undefined : bytes
  }

  tokenOf(id: number): string | undefined {
    return this.#pieces[id]
  }

  idOf(token: string): number | undefined {
    return this.#ids.get(token)
  }

  beginsWord(id: number): boolean {
    return this.#beginsWord[id] ?? false
  }

  bytesOf(id: number, isFirst = false): Uint8Array {
    return (isFirst ? this.#firstBytes : this.#bytes)[id] ?? noBytes
  }

  toJSON(): TokenizerJson {
    return this.#json
  }

  configJson(contextLength?: number): TokenizerConfigJson {
    return roleConfig(this, contextLength)
  }
}

/** What `decode` throws for an id that no token has. */
export function noToken(id: number, vocabSize: number): DataError {
  const message = `decode: no token has the id ${id}; this vocabulary has ${vocabSize}: is it the model's own tokenizer?`
  return new DataError(message, { id, vocabSize })
}

/** `tokenizer_config.json` from a tokenizer's roles. Text is never "cleaned up": that would lose spaces. */
export function roleConfig(tokenizer: Tokenizer, contextLength?: number): TokenizerConfigJson {
  const name = (id: number | undefined) => (id === undefined ? null : (tokenizer.tokenOf(id) ?? null))
  const { cls, sep, mask, chatTemplate } = tokenizer
  const bert = Object.entries({ cls_token: cls, sep_token: sep, mask_token: mask }).filter(([, id]) => id !== undefined)
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    bos_token: name(tokenizer.bos),
    eos_token: name(tokenizer.eos),
    pad_token: name(tokenizer.pad),
    unk_token: name(tokenizer.unknown),
    ...Object.fromEntries(bert.map(([key, id]) => [key, name(id)])),
    add_bos_token: tokenizer.addBos,
    clean_up_tokenization_spaces: false,
    ...(chatTemplate === undefined ? {} : { chat_template: chatTemplate }),
    ...(contextLength === undefined ? {} : { model_max_length: contextLength }),
  }
}
