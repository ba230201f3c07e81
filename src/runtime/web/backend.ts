import type { InferenceSession } from 'onnxruntime-web'
import { EngineError } from '../../errors.ts'
import { allocate, sizeOf } from '../../graph/dtype.ts'
import { type BufferContents, checkShape, reserved } from '../contents.ts'
import type { DeviceBuffer } from '../engine.ts'
import { Lanes } from '../lanes.ts'
import type { WebBuffer } from './buffer.ts'
import { WasmBuffer } from './buffer.ts'
import { GpuTensorBuffer, openDevice } from './gpu.ts'

type Library = typeof import('onnxruntime-web')

/** How a page's engine is made. */
export interface WebEngineOptions {
  /** Threads of `wasm`; all that the page may use by default, which is one unless it is cross-origin isolated. */
  readonly threads?: number
  /** URL of the folder that onnxruntime-web's `.wasm` and `.mjs` files are served from; beside its script by default. */
  readonly libraryUrl?: string
}

/** What differs between the two engines of a page. */
export interface WebBackend {
  readonly name: 'wasm' | 'webgpu'
  readonly provider: 'cpu' | 'webgpu'
  readonly inPlace: boolean
  readonly platform: string
  readonly threads: number
  readonly library: Library
  /** The library does one thing at a time. */
  readonly lane: Lanes
  readonly executionProvider: InferenceSession.ExecutionProviderConfig
  readonly owned: Set<WebBuffer>
  createBuffer(contents: BufferContents): WebBuffer
  isOwn(buffer: DeviceBuffer): buffer is WebBuffer
  /** Where a run's results go. */
  fetches(outputs: ReadonlyMap<string, WebBuffer>): InferenceSession.FetchesType
  close(): void
}

/** The page's processor: results are copied to their buffers after a run, so any output may share an input's buffer. */
export async function openWasm(options: WebEngineOptions): Promise<WebBackend> {
  checkPage('wasm')
  const library = await import('onnxruntime-web/wasm')
  const threads = configure(library, options)
  const owned = new Set<WebBuffer>()
  return {
    name: 'wasm',
    provider: 'cpu',
    inPlace: true,
    platform: `browser ${navigator.platform} wasm-simd`,
    threads,
    library,
    lane: new Lanes(1),
    executionProvider: 'wasm',
    owned,
    createBuffer: (contents) => new WasmBuffer(contents, copyOf(contents), library.Tensor, owned),
    isOwn: (buffer): buffer is WebBuffer => buffer instanceof WasmBuffer,
    fetches: (outputs) => [...outputs.keys()],
    close: () => undefined,
  }
}

/** The page's graphics device: state stays in its memory. */
export async function openWebGpu(options: WebEngineOptions): Promise<WebBackend> {
  checkPage('webgpu')
  const { device, name } = await openDevice()
  const library = await import('onnxruntime-web/webgpu')
  const threads = configure(library, options)
  const owned = new Set<WebBuffer>()
  const lane = new Lanes(1)
  const afterRuns = (free: () => void) => void lane.run(async () => free())
  return {
    name: 'webgpu',
    provider: 'webgpu',
    inPlace: false,
    platform: `browser ${navigator.platform} ${name}`,
    threads,
    library,
    lane,
    executionProvider: { name: 'webgpu', device } as InferenceSession.ExecutionProviderConfig,
    owned,
    createBuffer: (contents) => new GpuTensorBuffer(contents, device, library.Tensor, owned, afterRuns),
    isOwn: (buffer): buffer is WebBuffer => buffer instanceof GpuTensorBuffer,
    fetches: (outputs) => Object.fromEntries([...outputs].map(([key, { tensor }]) => [key, tensor])),
    close: () => device.destroy(),
  }
}

function checkPage(name: string): void {
  if (typeof document === 'object' || 'WorkerGlobalScope' in globalThis) return
  throw new EngineError(
    `createEngine: ${name} runs in a page, not in Node; open it in a browser, or use the engine cpu here`,
    { name },
  )
}

/** Threads of each library that this page has configured: its first session fixes them for good. */
const configured = new Map<Library['env'], number>()

/** Settings of the whole library, before its first session; returns how many threads it uses. */
function configure({ env }: Library, { threads: wanted, libraryUrl }: WebEngineOptions): number {
  const possible = globalThis.crossOriginIsolated ? navigator.hardwareConcurrency : 1
  const threads = Math.min(wanted ?? possible, possible)
  const current = configured.get(env) ?? threads
  if (current !== threads) {
    throw new EngineError(
      `createEngine: an engine of this page runs on ${current} threads, got ${threads}; reload the page to change them`,
      { threads, current },
    )
  }
  configured.set(env, threads)
  env.logLevel = 'fatal'
  env.wasm.numThreads = threads
  if (libraryUrl !== undefined) env.wasm.wasmPaths = libraryUrl
  return threads
}

function copyOf(contents: BufferContents) {
  checkShape(contents.shape)
  const length = 'data' in contents ? contents.data.length : sizeOf(contents.shape)
  const array = reserved(contents, () => allocate(contents.dtype, length))
  if ('data' in contents) (array as Uint8Array).set(contents.data as Uint8Array)
  return array
}
