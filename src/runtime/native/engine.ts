import { EngineError } from '../../errors.ts'
import type { DType, HostTensor } from '../../graph/dtype.ts'
import type { DeviceBuffer, Engine, EngineDescription, Session, SessionOptions } from '../engine.ts'
import { Lanes } from '../lanes.ts'
import { loadApi } from './api.ts'
import { NativeBuffer } from './buffer.ts'
import { compile } from './compile.ts'
import type { NativeContext } from './context.ts'
import { checkCuda } from './cuda.ts'
import { acquireEnvironment, releaseEnvironment } from './environment.ts'
import { describePlatform, physicalCores } from './machine.ts'
import type { NativeSession } from './session.ts'

const deviceAllocator = 0
const defaultMemory = 0
/** Of libuv's four threads. */
const concurrentCalls = 2

/** How a native engine is made. */
export interface NativeEngineOptions {
  /** Threads that compute; the machine's cores by default. All engines of a process share them. */
  readonly threads?: number
}

/** Opens ONNX Runtime on this machine's processor (`cpu`) or graphics card (`cuda`). Throws {@link EngineError}. */
export function createNativeEngine(name: 'cpu' | 'cuda', options: NativeEngineOptions = {}): Engine {
  const threads = options.threads ?? physicalCores()
  if (!Number.isInteger(threads) || threads < 1 || threads > 1024) {
    throw new EngineError(`createEngine: got ${threads} threads, wanted a whole number from 1 to 1024`, { threads })
  }
  const api = loadApi()
  const environment = acquireEnvironment(api, threads)
  try {
    if (name === 'cuda') checkCuda(api)
    const memoryInfo = api.create('createEngine', 'CreateCpuMemoryInfo', deviceAllocator, defaultMemory)
    return new NativeEngine(name, threads, { api, environment, memoryInfo, lanes: new Lanes(concurrentCalls) })
  } catch (error) {
    releaseEnvironment(api)
    throw error
  }
}

class NativeEngine implements Engine {
  readonly name: 'cpu' | 'cuda'
  readonly provider: 'cpu' | 'cuda'
  readonly inPlace = true
  /** Windows lets nobody replace a file that is mapped. */
  readonly mapsFiles = process.platform !== 'win32'
  private readonly threads: number
  private readonly context: NativeContext
  private readonly buffers = new Set<NativeBuffer>()
  private readonly sessions = new Set<NativeSession>()
  private closing: Promise<void> | undefined

  constructor(name: 'cpu' | 'cuda', threads: number, context: NativeContext) {
    this.name = name
    this.provider = name
    this.threads = threads
    this.context = context
  }

  describe(): EngineDescription {
    return {
      name: this.name,
      library: `onnxruntime-node ${this.context.api.version}`,
      platform: describePlatform(),
      threads: this.threads,
    }
  }

  createBuffer(tensor: HostTensor | { readonly dtype: DType; readonly shape: readonly number[] }): DeviceBuffer {
    this.checkOpen('createBuffer')
    return NativeBuffer.create(tensor, this.buffers)
  }

  async createSession(model: Uint8Array, options: SessionOptions = {}): Promise<Session> {
    this.checkOpen('createSession')
    return this.context.lanes.run(() => compile(this.context, this.name, model, options, this.sessions))
  }

  close(): Promise<void> {
    this.closing ??= this.free()
    return this.closing
  }

  private async free(): Promise<void> {
    await this.context.lanes.idle()
    await Promise.all([...this.sessions].map((session) => session.release()))
    for (const buffer of this.buffers) buffer.release()
    this.context.api.release('ReleaseMemoryInfo', this.context.memoryInfo)
    releaseEnvironment(this.context.api)
  }

  private checkOpen(operation: string): void {
    if (this.closing) throw new EngineError(`${operation}: this engine has been closed; create another`)
  }
}
