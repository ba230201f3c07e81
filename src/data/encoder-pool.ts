import { setImmediate } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { DataError } from '../errors.ts'
import { type CorpusTokenizer, type EncodeJob, encodeJob, type TokenArray } from './encode-job.ts'
import type { EncodeAnswer, EncodeWorkerData } from './encode-worker.ts'
import type { Tokenizer } from './tokenizers/tokenizer.ts'
import { workerFile } from './worker-file.ts'

/** The worker's file for {@link workerEncoder}; undefined where sources run unbuilt on a Node that can't run them. */
export function encodeWorkerFile(): URL | undefined {
  return workerFile('encode-worker', import.meta.url)
}

/** Turns portions of text into ids, in this thread or in others. */
export interface Encoder {
  /** How many jobs may be under way so that no thread waits. */
  readonly width: number
  encode(job: EncodeJob): Promise<TokenArray>
  close(): Promise<void>
}

/** Encodes in this thread, letting the event loop turn between jobs. */
export function inProcessEncoder(tokenizer: CorpusTokenizer): Encoder {
  return {
    width: 1,
    encode: async (job) => {
      await setImmediate()
      return encodeJob(tokenizer, job)
    },
    close: async () => {},
  }
}

/**
 * Encodes in `workers` threads that run `file` (see {@link encodeWorkerFile}); jobs go to the thread with the fewest.
 * The ids don't depend on the number of threads. Jobs of a thread that dies reject with `DataError`.
 */
export function workerEncoder(tokenizer: Pick<Tokenizer, 'toJSON'>, workers: number, file: URL): Encoder {
  const workerData: EncodeWorkerData = { tokenizer: JSON.stringify(tokenizer.toJSON()) }
  const threads = Array.from({ length: workers }, () => new EncoderThread(new Worker(file, { workerData })))
  return {
    width: 2 * workers,
    encode: (job) => threads.reduce((a, b) => (b.load < a.load ? b : a)).encode(job),
    close: async () => {
      await Promise.all(threads.map((thread) => thread.close()))
    },
  }
}

/** Runs jobs through an encoder, at most `width` at a time, and gives the ids in the order of the jobs. */
export async function* encodeInOrder<Job extends EncodeJob>(
  encoder: Encoder,
  jobs: AsyncIterable<Job>,
): AsyncGenerator<{ readonly job: Job; readonly tokens: TokenArray }> {
  const underWay: { job: Job; tokens: Promise<TokenArray> }[] = []
  for await (const job of jobs) {
    const tokens = encoder.encode(job)
    // Its failure is thrown where its turn comes; until then it must not count as unhandled.
    tokens.catch(() => {})
    underWay.push({ job, tokens })
    if (underWay.length >= encoder.width) yield await settle(underWay.shift()!)
  }
  for (const next of underWay) yield await settle(next)
}

async function settle<Job>({ job, tokens }: { job: Job; tokens: Promise<TokenArray> }) {
  return { job, tokens: await tokens }
}

interface Waiting {
  resolve(tokens: TokenArray): void
  reject(error: Error): void
}

class EncoderThread {
  private readonly worker: Worker
  private readonly waiting: Waiting[] = []
  private failure: DataError | undefined

  constructor(worker: Worker) {
    this.worker = worker
    worker.on('message', (answer: EncodeAnswer) => this.settle(answer))
    worker.on('error', (cause) => this.fail(cause))
    worker.on('exit', () => this.fail(new Error('the thread ended')))
  }

  get load(): number {
    return this.waiting.length
  }

  encode(job: EncodeJob): Promise<TokenArray> {
    if (this.failure) return Promise.reject(this.failure)
    return new Promise((resolve, reject) => {
      this.waiting.push({ resolve, reject })
      this.worker.postMessage(job)
    })
  }

  async close() {
    await this.worker.terminate()
  }

  private settle(answer: EncodeAnswer) {
    const { resolve, reject } = this.waiting.shift()!
    if ('tokens' in answer) resolve(answer.tokens)
    else reject(new DataError(answer.error, answer.details))
  }

  private fail(cause: unknown) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    this.failure ??= new DataError(
      `encode corpus: a worker thread failed (${reason}); try again with workers 0`,
      {},
      { cause },
    )
    for (const { reject } of this.waiting.splice(0)) reject(this.failure)
  }
}
