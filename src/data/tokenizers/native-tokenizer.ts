import { DataError } from '../../errors.ts'
import type { PlainEncoder } from './encoders.ts'
import { IdBuffer } from './id-buffer.ts'
import { requireSpecial, type SpecialRoles, SpecialSplitter } from './special-tokens.ts'
import { ByteStreamDecoder } from './stream-decoders.ts'
import type { DecodeOptions, EncodeOptions, StreamDecoder, Tokenizer, TokenizerKind } from './tokenizer.ts'
import type { TokenizerConfigJson, TokenizerJson } from './tokenizer-json.ts'

/** All that a tokenizer of ours is made of. */
export interface NativeParts {
  readonly kind: TokenizerKind
  readonly json: TokenizerJson
  /** Tokens by id, as the file spells them. */
  readonly pieces: readonly (string | undefined)[]
  readonly roles: SpecialRoles
  readonly encoder: PlainEncoder
  /** Bytes of a token that is not an added one. */
  readonly bytesOfPiece: (piece: string) => Uint8Array | undefined
}

const utf8 = new TextEncoder()
const noBytes = new Uint8Array(0)

/** No character below U+0300 changes under NFC, so that most text need not be normalized. */
const mayNeedNfc = /[\u0300-\uffff]/

/** A character, byte or BPE tokenizer: special tokens first, then NFC (if the file says so), then the encoder. */
export class NativeTokenizer implements Tokenizer {
  readonly kind: TokenizerKind
  readonly vocabSize: number
  readonly bos: number | undefined
  readonly eos: number | undefined
  readonly pad: number | undefined
  readonly unknown: number | undefined
  readonly addBos: boolean
  readonly specialIds: readonly number[]
  readonly #json: TokenizerJson
  readonly #encoder: PlainEncoder
  readonly #splitter: SpecialSplitter
  readonly #normalizes: boolean
  readonly #pieces: readonly (string | undefined)[]
  readonly #bytes: readonly (Uint8Array | undefined)[]
  readonly #ids: ReadonlyMap<string, number>
  readonly #special: ReadonlySet<number>

  constructor({ kind, json, pieces, roles, encoder, bytesOfPiece }: NativeParts) {
    this.kind = kind
    this.#json = json
    this.#encoder = encoder
    this.#splitter = new SpecialSplitter(json.added_tokens)
    this.#normalizes = json.normalizer?.type === 'NFC'
    this.#pieces = pieces
    this.#ids = new Map(this.#pieces.flatMap((piece, id) => (piece === undefined ? [] : [[piece, id] as const])))
    const added = new Set(json.added_tokens.map(({ id }) => id))
    this.#bytes = this.#pieces.map((piece, id) =>
      piece === undefined ? undefined : added.has(id) ? utf8.encode(piece) : bytesOfPiece(piece),
    )
    this.vocabSize = this.#pieces.length
    this.bos = roles.bos
    this.eos = roles.eos
    this.pad = roles.pad
    this.unknown = roles.unknown
    this.addBos = roles.addBos
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
    if (!parseSpecial) this.#encodePlain(text, ids)
    else {
      for (const part of this.#splitter.split(text)) {
        if (part.id === undefined) this.#encodePlain(part.text, ids)
        else ids.push(part.id)
      }
    }
    if (eos === true) ids.push(requireSpecial(this.eos, 'eos'))
  }

  #encodePlain(text: string, ids: IdBuffer): void {
    this.#encoder.encode(this.#normalizes && mayNeedNfc.test(text) ? text.normalize('NFC') : text, ids)
  }

  decode(ids: ArrayLike<number>, { skipSpecial = false }: DecodeOptions = {}): string {
    const parts: Uint8Array[] = []
    let size = 0
    for (let i = 0; i < ids.length; i++) {
      const bytes = this.#bytesToShow(ids[i]!, skipSpecial)
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
    return new ByteStreamDecoder((id) => this.#bytesToShow(id, skipSpecial))
  }

  #bytesToShow(id: number, skipSpecial: boolean): Uint8Array {
    const bytes = this.#bytes[id]
    if (bytes === undefined) throw noToken(id, this.vocabSize)
    return skipSpecial && this.#special.has(id) ? noBytes : bytes
  }

  tokenOf(id: number): string | undefined {
    return this.#pieces[id]
  }

  idOf(token: string): number | undefined {
    return this.#ids.get(token)
  }

  bytesOf(id: number): Uint8Array {
    return this.#bytes[id] ?? noBytes
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
  return {
    tokenizer_class: 'PreTrainedTokenizerFast',
    bos_token: name(tokenizer.bos),
    eos_token: name(tokenizer.eos),
    pad_token: name(tokenizer.pad),
    unk_token: name(tokenizer.unknown),
    add_bos_token: tokenizer.addBos,
    clean_up_tokenization_spaces: false,
    ...(contextLength === undefined ? {} : { model_max_length: contextLength }),
  }
}
