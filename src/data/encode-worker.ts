import { parentPort, workerData } from 'node:worker_threads'
import { AtelierError } from '../errors.ts'
import { type EncodeJob, encodeJob } from './encode-job.ts'
import { loadTokenizer } from './tokenizers/load.ts'

/** What the pool gives a worker when it starts. */
export interface EncodeWorkerData {
  /** `Tokenizer.toJSON()` as text. */
  readonly tokenizer: string
}

/** What a worker answers to one job: the ids, or why it failed. */
export type EncodeAnswer =
  | { readonly tokens: Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer> }
  | { readonly error: string; readonly details: Readonly<Record<string, unknown>> }

const tokenizer = loadTokenizer(JSON.parse((workerData as EncodeWorkerData).tokenizer))

parentPort!.on('message', (job: EncodeJob) => {
  try {
    const tokens = encodeJob(tokenizer, job)
    parentPort!.postMessage({ tokens }, [tokens.buffer as ArrayBuffer])
  } catch (cause) {
    const details = cause instanceof AtelierError ? cause.details : {}
    parentPort!.postMessage({ error: cause instanceof Error ? cause.message : String(cause), details })
  }
})
