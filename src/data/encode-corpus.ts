import { join } from 'node:path'
import { StringDecoder } from 'node:string_decoder'
import { type DocumentSpool, partEnd } from './document-spool.ts'
import type { EncodeJob } from './encode-job.ts'
import { type Encoder, encodeInOrder } from './encoder-pool.ts'
import type { Split } from './held-out.ts'
import { Segmenter } from './segments.ts'
import { type Shard, ShardWriter } from './shards.ts'

/** How far the encoding is, in UTF-8 bytes of text and in tokens. */
export interface EncodeProgress {
  readonly bytes: number
  readonly totalBytes: number
  readonly tokens: number
}

/** The two shards of a corpus. */
export interface CorpusShards {
  readonly train: Shard
  readonly validation: Shard
}

interface SplitJob extends EncodeJob {
  readonly heldOut: boolean
  readonly bytes: number
}

const jobCharacters = 1 << 18

/**
 * Encodes a spool into `train.bin` and `validation.bin` in `folder`, in the order of the documents; the id
 * `endOfText`, where there is one, closes each whole document. The bytes written depend on the text,
 * the split and the tokenizer, not on the number of threads. Throws `DataError`; an abort throws its reason.
 */
export async function encodeCorpus(
  spool: DocumentSpool,
  split: Split,
  endOfText: number | undefined,
  encoder: Encoder,
  folder: string,
  report: (progress: EncodeProgress) => void,
): Promise<CorpusShards> {
  const writers = {
    train: await ShardWriter.create(join(folder, 'train.bin')),
    validation: await ShardWriter.create(join(folder, 'validation.bin')),
  }
  try {
    let [bytes, tokens] = [0, 0]
    for await (const done of encodeInOrder(encoder, jobsOf(spool, split, endOfText))) {
      await writers[done.job.heldOut ? 'validation' : 'train'].append(done.tokens)
      bytes += done.job.bytes
      tokens += done.tokens.length
      report({ bytes, totalBytes: spool.bytes, tokens })
    }
    return {
      train: { file: 'train.bin', ...measure(split, 0), ...(await writers.train.finish()) },
      validation: { file: 'validation.bin', ...measure(split, 1), ...(await writers.validation.finish()) },
    }
  } catch (error) {
    await Promise.allSettled([writers.train.close(), writers.validation.close()])
    throw error
  }
}

function measure({ byteLengths, heldOut }: Split, side: 0 | 1) {
  const lengths = byteLengths.filter((_, part) => heldOut[part] === side)
  return { documents: lengths.length, bytes: lengths.reduce((sum, length) => sum + length, 0) }
}

/** One piece of one part of a split. */
export interface SplitPiece {
  readonly text: string
  readonly heldOut: boolean
  /** Whether a whole document, or a part of one that {@link partEnd} ends, ends here. */
  readonly closes: boolean
}

/** The text of a spool in order, in pieces that GPT-2's pre-tokenizer would also part. */
export async function* piecesOf(spool: DocumentSpool, split: Split): AsyncGenerator<SplitPiece> {
  const segmenter = new Segmenter()
  let part = 0
  let left = split.byteLengths[0]!
  let decoder = new StringDecoder('utf8')
  for await (const block of spool.blocks()) {
    for (let at = 0; at < block.length; ) {
      const rest = block.subarray(at, at + left)
      const end = rest.indexOf(partEnd[0]!)
      const bytes = end >= 0 ? rest.subarray(0, end) : rest
      const heldOut = split.heldOut[part] === 1
      for (const text of segmenter.push(decoder.write(bytes))) yield { text, heldOut, closes: false }
      at += bytes.length
      left -= bytes.length
      if (end >= 0) {
        yield { text: segmenter.finish(), heldOut, closes: true }
        at += 1
        left -= 1
      }
      if (left > 0) continue
      yield { text: segmenter.finish(), heldOut, closes: split.wholeDocuments }
      decoder = new StringDecoder('utf8')
      left = split.byteLengths[++part] ?? 0
    }
  }
}

async function* jobsOf(spool: DocumentSpool, split: Split, endOfText: number | undefined): AsyncGenerator<SplitJob> {
  const open = [new OpenJob(false), new OpenJob(true)] as const
  for await (const { text, heldOut, closes } of piecesOf(spool, split)) {
    const job = open[heldOut ? 1 : 0]
    job.add(text, closes ? endOfText : undefined)
    if (job.characters >= jobCharacters) yield job.take()
  }
  for (const job of open) if (job.characters > 0) yield job.take()
}

class OpenJob {
  characters = 0
  private readonly heldOut: boolean
  private texts: string[] = []
  private closings: (number | undefined)[] = []

  constructor(heldOut: boolean) {
    this.heldOut = heldOut
  }

  add(text: string, closing: number | undefined) {
    this.texts.push(text)
    this.closings.push(closing)
    this.characters += text.length + 1
  }

  take(): SplitJob {
    const { texts, closings, heldOut } = this
    Object.assign(this, { texts: [], closings: [], characters: 0 })
    return { texts, closings, heldOut, bytes: texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0) }
  }
}
