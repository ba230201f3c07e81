import { EngineError } from '../../errors.ts'
import type { Binding } from '../engine.ts'
import type { Pointer } from './api.ts'
import type { BufferUser, NativeBuffer } from './buffer.ts'
import type { NativeContext } from './context.ts'
import { createValue } from './value.ts'

/** An `OrtIoBinding`: all is prepared when it is made, so that a run is one native call. */
export class NativeBinding implements Binding, BufferUser {
  private readonly context: NativeContext
  private readonly session: Pointer
  private readonly pointer: Pointer
  private readonly buffers: ReadonlySet<NativeBuffer>
  private readonly forget: () => void
  private running: Promise<void> | undefined
  private ended: Promise<void> | undefined
  /** Why it can't run any more. */
  private expiry: string | undefined

  /** `forget` is called once, when the binding is released. */
  constructor(
    context: NativeContext,
    session: Pointer,
    inputs: ReadonlyMap<string, NativeBuffer>,
    outputs: ReadonlyMap<string, NativeBuffer>,
    forget: () => void,
  ) {
    this.context = context
    this.session = session
    this.forget = forget
    this.buffers = new Set([...inputs.values(), ...outputs.values()])
    this.pointer = context.api.create('bind', 'CreateIoBinding', session)
    try {
      for (const [name, buffer] of inputs) this.tie('BindInput', name, buffer)
      for (const [name, buffer] of outputs) this.tie('BindOutput', name, buffer)
    } catch (error) {
      context.api.release('ReleaseIoBinding', this.pointer)
      throw error
    }
    for (const buffer of this.buffers) buffer.addUser(this)
  }

  async run(): Promise<void> {
    this.checkReady()
    const { api, lanes } = this.context
    this.running = lanes.run(() => api.callAsync('run', 'RunWithBinding', this.session, null, this.pointer))
    try {
      await this.running
    } finally {
      this.running = undefined
    }
  }

  runSync(): void {
    this.checkReady()
    this.context.api.call('runSync', 'RunWithBinding', this.session, null, this.pointer)
  }

  release(): void {
    void this.end()
  }

  /** Waits for the run in flight, then frees the binding; once. */
  end(): Promise<void> {
    this.ended ??= this.free()
    return this.ended
  }

  expire(buffer: NativeBuffer): Promise<void> | undefined {
    this.expiry ??= `its buffer ${buffer.dtype} [${buffer.shape}] has been released; bind again`
    return this.settled()
  }

  private async free(): Promise<void> {
    this.expiry = 'it has been released; bind again'
    if (this.running) await this.settled()
    for (const buffer of this.buffers) buffer.removeUser(this)
    this.forget()
    this.context.api.release('ReleaseIoBinding', this.pointer)
  }

  /** Resolves when the run in flight has ended, however it did. */
  private settled(): Promise<void> | undefined {
    return this.running?.catch(() => undefined)
  }

  private tie(side: 'BindInput' | 'BindOutput', name: string, buffer: NativeBuffer): void {
    const value = createValue(this.context, 'bind', buffer)
    try {
      this.context.api.call(`bind: ${name}`, side, this.pointer, name, value)
    } finally {
      this.context.api.release('ReleaseValue', value)
    }
  }

  private checkReady(): void {
    if (this.expiry !== undefined) throw new EngineError(`run: this binding cannot run: ${this.expiry}`)
    if (this.running) throw new EngineError('run: this binding is running; await that run, or bind the buffers twice')
  }
}
