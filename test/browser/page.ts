import { createWebEngine } from '../../src/runtime/web/engine.ts'
import type { RoundResult } from '../../src/train/gan-trainer.ts'
import { decodeTinyDecoder } from './decode.ts'
import { duelTinyGan } from './duel.ts'
import type { ExerciseReport } from './exercise.ts'
import { exercise } from './exercise.ts'
import type { Job, JobResult } from './job.ts'
import { decode, runJob } from './job.ts'
import { trainTinyDecoder } from './train.ts'

/** Runs a job in this page on an engine of its own. */
async function runInPage(engineName: 'wasm' | 'webgpu', job: Job): Promise<JobResult> {
  const engine = await createWebEngine(engineName, { libraryUrl: '/onnxruntime-web/' })
  try {
    return await runJob(engine, job)
  } finally {
    await engine.close()
  }
}

/** Uses an engine in every right and wrong way; models in base64. */
async function exerciseInPage(
  engineName: 'wasm' | 'webgpu',
  affine: string,
  identity: Readonly<Record<string, string>>,
): Promise<ExerciseReport> {
  const engine = await createWebEngine(engineName, { libraryUrl: '/onnxruntime-web/' })
  const decoded = Object.fromEntries(Object.entries(identity).map(([dtype, model]) => [dtype, decode(model)]))
  try {
    return await exercise(engine, { affine: decode(affine), identity: decoded })
  } finally {
    await engine.close()
  }
}

/** Trains a tiny decoder in this page; its losses. */
async function trainInPage(engineName: 'wasm' | 'webgpu', steps: number): Promise<number[]> {
  const engine = await createWebEngine(engineName, { libraryUrl: '/onnxruntime-web/' })
  try {
    return await trainTinyDecoder(engine, steps)
  } finally {
    await engine.close()
  }
}

/** Lets two tiny networks play in this page; what their rounds report. */
async function duelInPage(engineName: 'wasm' | 'webgpu', rounds: number): Promise<RoundResult[]> {
  const engine = await createWebEngine(engineName, { libraryUrl: '/onnxruntime-web/' })
  try {
    return await duelTinyGan(engine, rounds)
  } finally {
    await engine.close()
  }
}

/** Decodes with a tiny decoder in this page; its logits. */
async function decodeInPage(engineName: 'wasm' | 'webgpu'): Promise<number[][]> {
  const engine = await createWebEngine(engineName, { libraryUrl: '/onnxruntime-web/' })
  try {
    return await decodeTinyDecoder(engine)
  } finally {
    await engine.close()
  }
}

/** What is said to whoever wants another number of threads than the page's first engine has. */
async function changeThreadsInPage(): Promise<string> {
  const libraryUrl = '/onnxruntime-web/'
  const first = await createWebEngine('wasm', { libraryUrl })
  const { threads } = first.describe()
  await first.close()
  const second = createWebEngine('wasm', { libraryUrl, threads: threads - 1 })
  return second.then(
    (engine) => engine.close().then(() => ''),
    (error: Error) => error.message,
  )
}

Object.assign(globalThis, { runInPage, exerciseInPage, trainInPage, duelInPage, decodeInPage, changeThreadsInPage })
