import { Tokenizer as HuggingFace } from '@huggingface/tokenizers'
import { DataError } from '../../errors.ts'
import { bytesOfPiece } from './byte-alphabet.ts'
import { IdBuffer } from './id-buffer.ts'
import { noToken } from './native-tokenizer.ts'
import { requireSpecial, specialRoles } from './special-tokens.ts'
import { WindowStreamDecoder } from './stream-decoders.ts'
import type { Template } from './template.ts'
import type { DecodeOptions, EncodeOptions, StreamDecoder, Tokenizer } from './tokenizer.ts'
import { chatTemplateOf, corrupt, type TokenizerConfigJson, type TokenizerJson } from './tokenizer-json.ts'

const utf8 = new TextEncoder()
const noBytes = new Uint8Array(0)

/** Any `tokenizer.json`, run by `@huggingface/tokenizers`. Slower than ours, for prompts rather than corpora. */
export class HuggingFaceTokenizer implements Tokenizer {
  readonly kind = 'huggingface'
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
  readonly #config: TokenizerConfigJson
  readonly #pieces: readonly (string | undefined)[]
  readonly #plainJson: object
  readonly #inner: HuggingFace
  #plain: HuggingFace | undefined
  readonly #added: ReadonlySet<number>

  /** Throws CheckpointError for files that the library can't use. */
  constructor(
    json: TokenizerJson,
    config: TokenizerConfigJson,
    pieces: readonly (string | undefined)[],
    template: Template,
  ) {
    this.#pieces = pieces
    this.#json = json
    this.#config = config
    const whole = { normalizer: null, pre_tokenizer: null, post_processor: null, decoder: null, ...json }
    this.#plainJson = { ...whole, added_tokens: [] }
    this.#inner = build(whole, config)
    this.vocabSize = pieces.length
    const { unk_token: unknown } = json.model
    const roles = specialRoles(config, (piece) => this.idOf(piece), typeof unknown === 'string' ? unknown : undefined)
    this.bos = roles.bos
    this.eos = roles.eos
    this.pad = roles.pad
    this.unknown = roles.unknown
    this.cls = roles.cls
    this.sep = roles.sep
    this.mask = roles.mask
    this.template = template
    this.chatTemplate = chatTemplateOf(config)
    this.addBos = roles.addBos || (this.bos !== undefined && template.firstId === this.bos)
    this.specialIds = json.added_tokens.flatMap(({ id, special }) => (special ? [id] : [])).sort((a, b) => a - b)
    this.#added = new Set(json.added_tokens.map(({ id }) => id))
  }

  encode(text: string, options: EncodeOptions = {}): Int32Array {
    const ids = new IdBuffer(Math.max(16, text.length))
    this.encodeInto(text, ids, options)
    return ids.toArray()
  }

  encodeInto(text: string, ids: IdBuffer, { parseSpecial = true, bos, eos }: EncodeOptions = {}): void {
    if (bos === true) ids.push(requireSpecial(this.bos, 'bos'))
    const encoding = (parseSpecial ? this.#inner : this.#withoutSpecial()).encode(text, { add_special_tokens: false })
    for (const [i, id] of encoding.ids.entries()) ids.push(id ?? this.#missing(encoding.tokens[i]))
    if (eos === true) ids.push(requireSpecial(this.eos, 'eos'))
  }

  /** The same tokenizer, blind to special tokens in the text. */
  #withoutSpecial(): HuggingFace {
    this.#plain ??= build(this.#plainJson, this.#config)
    return this.#plain
  }

  #missing(token: string | undefined): number {
    if (this.unknown !== undefined) return this.unknown
    throw new DataError(`encode: the vocabulary has no token for ${JSON.stringify(token)}; leave it out`, { token })
  }

  decode(ids: ArrayLike<number>, { skipSpecial = false }: DecodeOptions = {}): string {
    const list = Array.from(ids)
    for (const id of list) if (this.tokenOf(id) === undefined) throw noToken(id, this.vocabSize)
    const shown = skipSpecial ? list.filter((id) => !this.specialIds.includes(id)) : list
    return shown.length === 0 ? '' : this.#inner.decode(shown, { clean_up_tokenization_spaces: false })
  }

  streamDecoder(options: DecodeOptions = {}): StreamDecoder {
    return new WindowStreamDecoder((ids) => this.decode(ids, options))
  }

  tokenOf(id: number): string | undefined {
    return this.#pieces[id]
  }

  idOf(token: string): number | undefined {
    return this.#inner.token_to_id(token)
  }

  beginsWord(id: number): boolean {
    const piece = this.tokenOf(id)
    if (piece === undefined || this.#added.has(id)) return piece !== undefined
    const { type, continuing_subword_prefix: prefix } = this.#json.model
    if (type === 'WordPiece') return !piece.startsWith(typeof prefix === 'string' ? prefix : '##')
    return piece.startsWith('▁') || /^\s/.test(String.fromCharCode(this.bytesOf(id)[0] ?? 0))
  }

  /** SentencePiece's `▁` is a space and `<0x0A>` a byte; byte-level pieces are their bytes; others as decoded. */
  bytesOf(id: number, isFirst = false): Uint8Array {
    const piece = this.tokenOf(id)
    if (piece === undefined) return noBytes
    const byte = /^<0x([0-9A-F]{2})>$/.exec(piece)?.[1]
    if (byte !== undefined && !this.#added.has(id)) return Uint8Array.of(Number.parseInt(byte, 16))
    const decoder = JSON.stringify(this.#json.decoder ?? null)
    const spelled = !this.#added.has(id) && decoder.includes('"ByteLevel"') ? bytesOfPiece(piece) : undefined
    if (spelled !== undefined) return spelled
    if (isFirst) return utf8.encode(this.decode([id]))
    if (this.#json.model.type === 'WordPiece') return utf8.encode(this.decode([id, id]).slice(this.decode([id]).length))
    return utf8.encode(this.#added.has(id) ? piece : piece.replaceAll('▁', ' '))
  }

  toJSON(): TokenizerJson {
    return this.#json
  }

  configJson(contextLength?: number): TokenizerConfigJson {
    return { ...this.#config, ...(contextLength === undefined ? {} : { model_max_length: contextLength }) }
  }
}

function build(json: object, config: TokenizerConfigJson): HuggingFace {
  try {
    return new HuggingFace(json, config)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.replace(/\s+/g, ' ').slice(0, 160) : 'unknown reason'
    throw corrupt(`@huggingface/tokenizers can't use it (${reason})`, cause)
  }
}
