import { EngineError } from '../../errors.ts'
import type { OrtApi, Pointer } from './api.ts'

/** Makes a session run on the first CUDA device. Throws {@link EngineError} with ONNX Runtime's reason where it cannot. */
export function appendCuda(api: OrtApi, sessionOptions: Pointer): void {
  const cuda = api.create('createEngine', 'CreateCudaProviderOptions')
  try {
    api.call('createEngine', 'AppendExecutionProviderCuda', sessionOptions, cuda)
  } finally {
    api.release('ReleaseCudaProviderOptions', cuda)
  }
}

/** Throws {@link EngineError} that says what is missing where CUDA cannot run. */
export function checkCuda(api: OrtApi): void {
  const options = api.create('createEngine', 'CreateSessionOptions')
  try {
    appendCuda(api, options)
  } catch (cause) {
    const reason = String((cause as EngineError).details.reason)
    throw new EngineError(
      `createEngine: cuda cannot run here: ${reason}; install an NVIDIA driver, CUDA 12 and cuDNN 9, then npm rebuild onnxruntime-node --onnxruntime-node-install=cuda12 (linux-x64), or use the engine cpu`,
      { reason },
      { cause },
    )
  } finally {
    api.release('ReleaseSessionOptions', options)
  }
}
