import type { InferenceSession } from 'onnxruntime-web'
import { EngineError } from '../../errors.ts'
import type { DType } from '../../graph/dtype.ts'
import { bytesPerElement } from '../../graph/dtype.ts'
import type { Binding, DeviceBuffer, Session, SessionOptions } from '../engine.ts'
import { explainReason } from '../reason.ts'
import type { TensorSignature } from '../signature.ts'
import { matchBuffers } from '../signature.ts'
import type { WebBackend } from './backend.ts'
import type { WebBuffer } from './buffer.ts'
import { bytesOf } from './buffer.ts'

const optimizationLevels = { none: 'disabled', basic: 'basic', extended: 'extended', all: 'all' } as const

/** Compiles ONNX bytes in a page; the session is a member of `owned` until it is released. */
export async function compile(
  backend: WebBackend,
  model: Uint8Array,
  options: SessionOptions,
  owned: Set<WebSession>,
): Promise<WebSession> {
  const settings: InferenceSession.SessionOptions = {
    executionProviders: [backend.executionProvider],
    graphOptimizationLevel: optimizationLevels[options.optimization ?? 'all'],
    enableMemPattern: false,
    logSeverityLevel: 4,
    externalData: Object.entries(options.initializers ?? {}).map(([path, { data }]) => ({ path, data: bytesOf(data) })),
    extra: { optimization: { disable_specified_optimizers: options.disabledOptimizers?.join(';') ?? '' } },
  }
  const inner = await explain('createSession', backend.library.InferenceSession.create(model, settings))
  const session = new WebSession(backend, inner, owned)
  owned.add(session)
  return session
}

/** A model compiled by onnxruntime-web. */
export class WebSession implements Session {
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  private readonly backend: WebBackend
  private readonly inner: InferenceSession
  private readonly inputs: readonly TensorSignature[]
  private readonly outputs: readonly TensorSignature[]
  private readonly owned: Set<WebSession>
  private releasing: Promise<void> | undefined

  constructor(backend: WebBackend, inner: InferenceSession, owned: Set<WebSession>) {
    this.backend = backend
    this.inner = inner
    this.owned = owned
    this.inputs = inner.inputMetadata.map(readSignature)
    this.outputs = inner.outputMetadata.map(readSignature)
    this.inputNames = inner.inputNames
    this.outputNames = inner.outputNames
  }

  get released(): boolean {
    return this.releasing !== undefined
  }

  bind(inputs: Readonly<Record<string, DeviceBuffer>>, outputs: Readonly<Record<string, DeviceBuffer>>): Binding {
    if (this.released) throw new EngineError('bind: this session has been released; create another')
    const { isOwn } = this.backend
    const matched = [
      matchBuffers('input', this.inputs, inputs, isOwn),
      matchBuffers('output', this.outputs, outputs, isOwn),
    ] as const
    return new WebBinding(this.backend, this, this.inner, ...matched)
  }

  release(): Promise<void> {
    this.releasing ??= this.backend.lane.run(async () => {
      this.owned.delete(this)
      await this.inner.release()
    })
    return this.releasing
  }
}

class WebBinding implements Binding {
  private readonly backend: WebBackend
  private readonly session: WebSession
  private readonly inner: InferenceSession
  private readonly inputs: ReadonlyMap<string, WebBuffer>
  private readonly outputs: ReadonlyMap<string, WebBuffer>
  private readonly feeds: InferenceSession.FeedsType
  private readonly fetches: InferenceSession.FetchesType
  private running = false
  private released = false

  constructor(
    backend: WebBackend,
    session: WebSession,
    inner: InferenceSession,
    inputs: ReadonlyMap<string, WebBuffer>,
    outputs: ReadonlyMap<string, WebBuffer>,
  ) {
    this.backend = backend
    this.session = session
    this.inner = inner
    this.inputs = inputs
    this.outputs = outputs
    this.feeds = Object.fromEntries([...inputs].map(([name, { tensor }]) => [name, tensor]))
    this.fetches = backend.fetches(outputs)
  }

  async run(): Promise<void> {
    this.checkReady()
    this.running = true
    try {
      await this.backend.lane.run(() => this.step())
    } finally {
      this.running = false
    }
  }

  runSync(): never {
    throw new EngineError('runSync: a page must not wait; use run, or the engine cpu in Node')
  }

  release(): void {
    this.released = true
  }

  private async step(): Promise<void> {
    const results = await explain('run', this.inner.run(this.feeds, this.fetches))
    for (const [name, buffer] of this.outputs) {
      const result = results[name]
      if (result) buffer.accept(result)
    }
  }

  private checkReady(): void {
    const released = [...this.inputs.values(), ...this.outputs.values()].find((buffer) => buffer.released)
    if (this.released || this.session.released) throw new EngineError('run: this binding has been released; bind again')
    if (released) {
      const { dtype, shape } = released
      throw new EngineError(
        `run: this binding cannot run: its buffer ${dtype} [${shape}] has been released; bind again`,
      )
    }
    if (this.running) throw new EngineError('run: this binding is running; await that run, or bind the buffers twice')
  }
}

function readSignature(metadata: InferenceSession.ValueMetadata): TensorSignature {
  const { name } = metadata
  if (!metadata.isTensor || !(metadata.type in bytesPerElement)) {
    const type = metadata.isTensor ? metadata.type : 'no tensor'
    throw new EngineError(`createSession: ${name} is ${type}, wanted ${Object.keys(bytesPerElement).join(', ')}`, {
      name,
    })
  }
  const shape = metadata.shape.map((size) => (typeof size === 'number' ? size : -1))
  return { name, dtype: metadata.type as DType, shape }
}

/** The library's errors as ours, in one line. */
async function explain<T>(operation: string, work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (cause) {
    throw explainReason(operation, cause instanceof Error ? cause.message : String(cause), cause)
  }
}
