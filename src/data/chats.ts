import { DataError } from '../errors.ts'
import type { TokenSource } from './token-dataset.ts'

/** What a byte beside an id says of it: whether the assistant says it, and whether it begins a conversation. */
export const chatMarks = { answer: 1, begins: 2 } as const

/** Sizes of a batch of conversations: rows of `contextLength` predictions. */
export interface ChatShape {
  readonly batchSize: number
  readonly contextLength: number
}

/** Conversations, one a row, padded with 0. */
export interface ChatBatch {
  /** Ids [B, T + 1]. */
  readonly tokens: Int32Array
  /** [B, T]: 1 where the target is what the assistant says, else 0. */
  readonly mask: Float32Array
}

/** Conversations in a text of ids, by the marks beside them. */
export class ChatSource {
  readonly #ids: TokenSource
  readonly #marks: Uint8Array
  /** Where each conversation begins, and where the last one ends. */
  readonly #starts: readonly number[]
  /** Conversations in which an answer begins early enough to be learned, by their number. */
  readonly #usable: readonly number[]
  /** Longest that is read of a conversation: of a longer one the beginning. */
  readonly #longest: number

  /** Throws {@link DataError} where no conversation has an answer within `contextLength` predictions. */
  constructor(ids: TokenSource, marks: Uint8Array, contextLength: number) {
    this.#ids = ids
    this.#marks = marks
    this.#longest = contextLength + 1
    const starts: number[] = []
    for (let i = 0; i < marks.length; i++) if ((marks[i]! & chatMarks.begins) !== 0) starts.push(i)
    this.#starts = [...starts, ids.tokens]
    this.#usable = [...starts.keys()].filter((i) => this.#answered(i))
    if (this.#usable.length === 0)
      throw new DataError(
        `instruct: none of ${starts.length} conversations has an answer within contextLength ${contextLength}; raise it, or shorten them`,
      )
  }

  /** How many conversations there are to learn from. */
  get size(): number {
    return this.#usable.length
  }

  /** Conversations that are left out, for their answers come too late. */
  get leftOut(): number {
    return this.#starts.length - 1 - this.size
  }

  /** Ids of each conversation, as far as they are read. */
  get lengths(): number[] {
    return this.#usable.map((i) => this.#length(i))
  }

  /** Conversations that are longer than what is read of them. */
  get cut(): number {
    return this.#usable.filter((i) => this.#starts[i + 1]! - this.#starts[i]! > this.#longest).length
  }

  /** The ids of a conversation before the assistant first speaks. */
  opening(index: number): Int32Array {
    const conversation = this.#usable[index]!
    const [start, length] = [this.#starts[conversation]!, this.#length(conversation)]
    const marks = this.#marks.subarray(start, start + length)
    const ids = new Int32Array(Math.max(1, marks.findIndex(isAnswer)))
    this.#ids.read(start, ids.length, ids)
    return ids
  }

  /** Some conversations as a batch; rows that none is left for count nothing. */
  batch(indices: readonly number[], { batchSize: B, contextLength: T }: ChatShape): ChatBatch {
    const batch = { tokens: new Int32Array(B * (T + 1)), mask: new Float32Array(B * T) }
    for (const [row, index] of indices.entries()) {
      const conversation = this.#usable[index]!
      const [start, length] = [this.#starts[conversation]!, this.#length(conversation)]
      this.#ids.read(start, length, batch.tokens, row * (T + 1))
      for (let t = 1; t < length; t++) if (isAnswer(this.#marks[start + t]!)) batch.mask[row * T + t - 1] = 1
    }
    return batch
  }

  #length(conversation: number): number {
    return Math.min(this.#longest, this.#starts[conversation + 1]! - this.#starts[conversation]!)
  }

  /** Whether there is something to learn: a target that the assistant says. */
  #answered(conversation: number): boolean {
    const start = this.#starts[conversation]!
    return this.#marks.subarray(start + 1, start + this.#length(conversation)).some(isAnswer)
  }
}

function isAnswer(mark: number): boolean {
  return (mark & chatMarks.answer) !== 0
}
