import { EngineError } from '../errors.ts'
import type { Engine, EngineName } from './engine.ts'

export type {
  Binding,
  DeviceBuffer,
  Engine,
  EngineDescription,
  EngineName,
  Session,
  SessionOptions,
} from './engine.ts'

/**
 * Opens an engine by name.
 *
 * `cpu` runs everywhere that `onnxruntime-node` has a binary for; `cuda` where its CUDA libraries are installed;
 * `wasm` and `webgpu` run in a page (whose bundle imports `createWebEngine` instead, and nothing of Node). `threads` counts computing threads, the machine's cores by default.
 * Throws {@link EngineError} that says what is missing where the engine cannot run.
 */
export async function createEngine(name: EngineName, options: { readonly threads?: number } = {}): Promise<Engine> {
  if (name === 'cpu' || name === 'cuda') {
    const { createNativeEngine } = await import('./native/engine.ts')
    return createNativeEngine(name, options)
  }
  if (name === 'wasm' || name === 'webgpu') {
    const { createWebEngine } = await import('./web/engine.ts')
    return createWebEngine(name, options)
  }
  throw new EngineError(`createEngine: there is no engine ${name}, wanted cpu, cuda, wasm or webgpu`, { name })
}
