import { createWebEngine } from '../../src/runtime/web/engine.ts'
import type { Job, JobResult } from './job.ts'
import { runJob } from './job.ts'

/** Runs a job in this page on an engine of its own. */
async function runInPage(engineName: 'wasm' | 'webgpu', job: Job): Promise<JobResult> {
  const engine = await createWebEngine(engineName, { libraryUrl: '/onnxruntime-web/' })
  try {
    return await runJob(engine, job)
  } finally {
    await engine.close()
  }
}

Object.assign(globalThis, { runInPage, createWebEngine })
