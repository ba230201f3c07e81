import { EngineError } from '../../errors.ts'
import type { DType, HostTensor } from '../../graph/dtype.ts'
import type { DeviceBuffer, Engine, EngineDescription, Session, SessionOptions } from '../engine.ts'
import type { WebBackend, WebEngineOptions } from './backend.ts'
import { openWasm, openWebGpu } from './backend.ts'
import type { WebSession } from './session.ts'
import { compile } from './session.ts'

export type { WebEngineOptions } from './backend.ts'

/**
 * Opens onnxruntime-web on a page's processor (`wasm`) or graphics device (`webgpu`).
 *
 * Throws {@link EngineError} that says what is missing: a page, WebGPU, an adapter.
 */
export async function createWebEngine(name: 'wasm' | 'webgpu', options: WebEngineOptions = {}): Promise<Engine> {
  return new WebEngine(name === 'wasm' ? await openWasm(options) : await openWebGpu(options))
}

class WebEngine implements Engine {
  readonly name: 'wasm' | 'webgpu'
  readonly provider: 'cpu' | 'webgpu'
  readonly inPlace: boolean
  readonly mapsFiles = false
  private readonly backend: WebBackend
  private readonly sessions = new Set<WebSession>()
  private closing: Promise<void> | undefined

  constructor(backend: WebBackend) {
    this.backend = backend
    this.name = backend.name
    this.provider = backend.provider
    this.inPlace = backend.inPlace
  }

  describe(): EngineDescription {
    const { name, library, platform, threads } = this.backend
    return { name, library: `onnxruntime-web ${library.env.versions.web}`, platform, threads }
  }

  createBuffer(tensor: HostTensor | { readonly dtype: DType; readonly shape: readonly number[] }): DeviceBuffer {
    this.checkOpen('createBuffer')
    return this.backend.createBuffer(tensor)
  }

  async createSession(model: Uint8Array, options: SessionOptions = {}): Promise<Session> {
    this.checkOpen('createSession')
    return this.backend.lane.run(() => compile(this.backend, model, options, this.sessions))
  }

  close(): Promise<void> {
    this.closing ??= this.free()
    return this.closing
  }

  private async free(): Promise<void> {
    await this.backend.lane.idle()
    await Promise.all([...this.sessions].map((session) => session.release()))
    for (const buffer of this.backend.owned) buffer.release()
    await this.backend.lane.idle()
    this.backend.close()
  }

  private checkOpen(operation: string): void {
    if (this.closing) throw new EngineError(`${operation}: this engine has been closed; create another`)
  }
}
