import type { IdBuffer } from './id-buffer.ts'
import type { Template } from './template.ts'
import type { TokenizerConfigJson, TokenizerJson } from './tokenizer-json.ts'

/** The special token between documents, and the default beginning and end of a text (as in GPT-2). */
export const END_OF_TEXT = '<|endoftext|>'

/** What a tokenizer's tokens are; `huggingface` is any `tokenizer.json` that is not one of ours. */
export type TokenizerKind = 'char' | 'byte' | 'bpe' | 'wordpiece' | 'unigram' | 'huggingface'

export interface EncodeOptions {
  /**
   * Whether a special token spelled out in the text, such as `<|endoftext|>`, becomes its id (`true`, the default,
   * as Hugging Face's tokenizers do) or is ordinary text (`false`: for text that one doesn't trust).
   */
  readonly parseSpecial?: boolean
  /** Put {@link Tokenizer.bos} first; default false. */
  readonly bos?: boolean
  /** Put {@link Tokenizer.eos} last; default false. */
  readonly eos?: boolean
}

export interface DecodeOptions {
  /** Leave special tokens out of the text; default false. */
  readonly skipSpecial?: boolean
}

/** Ids to text, one at a time. The pieces of text joined together are what `decode` gives for all ids. */
export interface StreamDecoder {
  /** Takes the next id and gives the text that is now complete, possibly none: characters are never split. */
  push(id: number): string
  /** Gives what was held back (an unfinished character becomes U+FFFD) and starts afresh. */
  flush(): string
}

/** Text to ids and back. Ids are integers from 0 to `vocabSize - 1`. */
export interface Tokenizer {
  readonly kind: TokenizerKind
  /** The largest id, plus one. */
  readonly vocabSize: number
  /** The token that begins a text, if there is one. */
  readonly bos: number | undefined
  /** The token that ends a text and separates documents, if there is one. */
  readonly eos: number | undefined
  readonly pad: number | undefined
  /** The token of what the vocabulary lacks, if there is one. */
  readonly unknown: number | undefined
  /** The tokens that BERT puts before a text, after each text, and in place of hidden words, if there are such. */
  readonly cls: number | undefined
  readonly sep: number | undefined
  readonly mask: number | undefined
  /** What the model that this tokenizer comes with expects around its texts, such as `[CLS] A [SEP] B [SEP]`. */
  readonly template: Template
  /** Whether the model that this tokenizer comes with expects `bos` before every text. */
  readonly addBos: boolean
  /** How the model that this tokenizer comes with has conversations written: a Jinja template, if it says so. */
  readonly chatTemplate: string | undefined
  /** Ids of all special tokens, ascending. */
  readonly specialIds: readonly number[]
  /** Ids of a text; no special token is added unless asked. Throws DataError for what the vocabulary can't spell. */
  encode(text: string, options?: EncodeOptions): Int32Array
  /** Appends the ids of a text to `ids`: what {@link Tokenizer.encode} gives, without a new array. */
  encodeInto(text: string, ids: IdBuffer, options?: EncodeOptions): void
  /** Text of ids; bytes that are no UTF-8 become U+FFFD. Throws DataError for an id that no token has. */
  decode(ids: ArrayLike<number>, options?: DecodeOptions): string
  streamDecoder(options?: DecodeOptions): StreamDecoder
  /** A token as `tokenizer.json` spells it, such as `Ġthe`; undefined if no token has the id. */
  tokenOf(id: number): string | undefined
  /** The id of a token as `tokenizer.json` spells it; undefined if there is none. */
  idOf(token: string): number | undefined
  /**
   * Whether a word begins with this token wherever it stands (WordPiece: it lacks `##`; SentencePiece: it has `▁`;
   * bytes and characters: it begins with white space); true of special tokens. The first token of a text begins a
   * word too. What is not true of goes on with the word before it: so whole words are masked.
   */
  beginsWord(id: number): boolean
  /**
   * The bytes that a token adds to a text, UTF-8 or part of it, with the space that its decoder sets before it; with
   * `isFirst` those of a text's first token, which may lack the space. Empty if no token has the id. Not to be
   * written to.
   */
  bytesOf(id: number, isFirst?: boolean): Uint8Array
  /** The content of Hugging Face's `tokenizer.json`. */
  toJSON(): TokenizerJson
  /** The content of Hugging Face's `tokenizer_config.json` for a model of a context of so many tokens. */
  configJson(contextLength?: number): TokenizerConfigJson
}
