import { createHash } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { chatMarks } from '../../data/chats.ts'
import type { DocumentSpool } from '../../data/document-spool.ts'
import { type CorpusShards, type EncodeProgress, piecesOf } from '../../data/encode-corpus.ts'
import { tokenArray, tokenDtype } from '../../data/encode-job.ts'
import type { Split } from '../../data/held-out.ts'
import { type ShardIndex, ShardWriter } from '../../data/shards.ts'
import type { Tokenizer } from '../../data/tokenizers/index.ts'
import { fileError } from '../../files/file-error.ts'
import { Chat, type ChatMessage } from '../chat/chat.ts'

type Side = 'train' | 'validation'

/**
 * Encodes a spool of conversations, each a document of JSON, into `train.bin` and `validation.bin` in `folder` by the
 * tokenizer's chat template, with a byte of {@link chatMarks} for each id in `trainmarks.bin` and `validationmarks.bin`.
 * Throws DataError for what the template refuses and for a disk that is full.
 */
export async function encodeChats(
  spool: DocumentSpool,
  split: Split,
  tokenizer: Tokenizer,
  folder: string,
  report: (progress: EncodeProgress) => void,
): Promise<CorpusShards & Required<Pick<ShardIndex, 'marks'>>> {
  const chat = new Chat(tokenizer)
  const sides = {
    train: await SideWriter.create(folder, 'train'),
    validation: await SideWriter.create(folder, 'validation'),
  }
  try {
    let [json, bytes, tokens] = ['', 0, 0]
    for await (const { text, heldOut, closes } of piecesOf(spool, split)) {
      json += text
      if (!closes) continue
      const messages = JSON.parse(json) as ChatMessage[]
      tokens += await sides[heldOut ? 'validation' : 'train'].add(chat, messages, tokenizer.vocabSize)
      bytes += Buffer.byteLength(json)
      json = ''
      report({ bytes, totalBytes: spool.bytes, tokens })
    }
    const [train, validation] = [await sides.train.finish(), await sides.validation.finish()]
    return {
      train: train.shard,
      validation: validation.shard,
      marks: { train: train.marks, validation: validation.marks },
    }
  } catch (error) {
    await Promise.allSettled([sides.train.close(), sides.validation.close()])
    throw error
  }
}

/** One side of the split on its way to disk. */
class SideWriter {
  readonly #folder: string
  readonly #side: Side
  readonly #ids: ShardWriter
  readonly #marks: Uint8Array[] = []
  #documents = 0
  #bytes = 0

  private constructor(folder: string, side: Side, ids: ShardWriter) {
    this.#folder = folder
    this.#side = side
    this.#ids = ids
  }

  static async create(folder: string, side: Side): Promise<SideWriter> {
    return new SideWriter(folder, side, await ShardWriter.create(join(folder, `${side}.bin`)))
  }

  /** Appends a conversation; tells how many ids it has. */
  async add(chat: Chat, messages: readonly ChatMessage[], vocabSize: number): Promise<number> {
    const { ids, answers: marks } = chat.tokens(messages)
    const tokens = tokenArray(tokenDtype(vocabSize), ids.length)
    tokens.set(ids)
    await this.#ids.append(tokens)
    marks[0]! |= chatMarks.begins
    this.#marks.push(marks)
    this.#documents += 1
    this.#bytes += Buffer.byteLength(chat.text(messages, { asks: false }))
    return ids.length
  }

  async finish() {
    const marks = Buffer.concat(this.#marks)
    const file = `${this.#side}marks.bin`
    await writeFile(join(this.#folder, file), marks).catch((cause: unknown) => {
      throw fileError('write', join(this.#folder, file), cause)
    })
    const shard = { file: `${this.#side}.bin`, documents: this.#documents, bytes: this.#bytes }
    return {
      shard: { ...shard, ...(await this.#ids.finish()) },
      marks: { file, sha256: createHash('sha256').update(marks).digest('hex') },
    }
  }

  close(): Promise<void> {
    return this.#ids.close()
  }
}
