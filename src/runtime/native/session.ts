import { EngineError } from '../../errors.ts'
import type { Binding, DeviceBuffer, Session } from '../engine.ts'
import type { Pointer } from './api.ts'
import { NativeBinding } from './binding.ts'
import { NativeBuffer } from './buffer.ts'
import type { NativeContext } from './context.ts'
import { readSignatures } from './signature.ts'
import type { TensorSignature } from './signature.ts'

/** A model compiled by ONNX Runtime. */
export class NativeSession implements Session {
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  private readonly context: NativeContext
  private readonly pointer: Pointer
  private readonly inputs: readonly TensorSignature[]
  private readonly outputs: readonly TensorSignature[]
  private readonly bindings = new Set<NativeBinding>()
  private readonly freeResources: () => void
  private releasing: Promise<void> | undefined

  /** `freeResources` frees what the session lives on, such as its weights; called once, after the session itself. */
  constructor(context: NativeContext, pointer: Pointer, freeResources: () => void) {
    this.context = context
    this.pointer = pointer
    this.freeResources = freeResources
    this.inputs = readSignatures(context.api, pointer, 'Input')
    this.outputs = readSignatures(context.api, pointer, 'Output')
    this.inputNames = this.inputs.map(({ name }) => name)
    this.outputNames = this.outputs.map(({ name }) => name)
  }

  bind(inputs: Readonly<Record<string, DeviceBuffer>>, outputs: Readonly<Record<string, DeviceBuffer>>): Binding {
    if (this.releasing) throw new EngineError('bind: this session has been released; create another')
    const binding = new NativeBinding(
      this.context,
      this.pointer,
      match('input', this.inputs, inputs),
      match('output', this.outputs, outputs),
      () => this.bindings.delete(binding),
    )
    this.bindings.add(binding)
    return binding
  }

  release(): Promise<void> {
    this.releasing ??= this.free()
    return this.releasing
  }

  private async free(): Promise<void> {
    await Promise.all([...this.bindings].map((binding) => binding.end()))
    this.context.api.release('ReleaseSession', this.pointer)
    this.freeResources()
  }
}

/** Each declared tensor with its buffer, in the model's order. */
function match(
  side: 'input' | 'output',
  signatures: readonly TensorSignature[],
  given: Readonly<Record<string, DeviceBuffer>>,
): ReadonlyMap<string, NativeBuffer> {
  const declared = signatures.map(({ name }) => name)
  const unknown = Object.keys(given).find((name) => !declared.includes(name))
  if (unknown !== undefined) {
    throw new EngineError(`bind: the model has no ${side} ${unknown}, it has ${declared.join(', ')}; leave it out`, {
      name: unknown,
      declared,
    })
  }
  return new Map(signatures.map((signature) => [signature.name, fit(side, signature, given[signature.name])]))
}

function fit(side: 'input' | 'output', signature: TensorSignature, buffer: DeviceBuffer | undefined): NativeBuffer {
  const { name, dtype, shape } = signature
  const wanted = `${dtype} [${shape.map((size) => (size < 0 ? '?' : size))}]`
  if (buffer === undefined) {
    throw new EngineError(`bind: ${side} ${name} is missing, wanted a buffer of ${wanted}`, { name })
  }
  if (!(buffer instanceof NativeBuffer)) {
    throw new EngineError(`bind: ${side} ${name} is a buffer of another engine; create it with this engine`, { name })
  }
  if (buffer.dtype !== dtype || !fits(shape, buffer.shape)) {
    throw new EngineError(
      `bind: ${side} ${name} got ${buffer.dtype} [${buffer.shape}], wanted ${wanted}; bind a buffer of that dtype and shape`,
      { name, got: buffer.shape, wanted: shape },
    )
  }
  if (buffer.released) throw new EngineError(`bind: ${side} ${name} is a released buffer; create another`, { name })
  return buffer
}

/** A declaration without sizes may be of any rank: ONNX Runtime checks those when it runs. */
function fits(declared: readonly number[], actual: readonly number[]): boolean {
  if (declared.length === 0) return true
  return declared.length === actual.length && declared.every((size, axis) => size < 0 || size === actual[axis])
}
