import { EngineError } from '../../errors.ts'
import type { Binding, DeviceBuffer, Session } from '../engine.ts'
import type { TensorSignature } from '../signature.ts'
import { matchBuffers } from '../signature.ts'
import type { Pointer } from './api.ts'
import { NativeBinding } from './binding.ts'
import { NativeBuffer } from './buffer.ts'
import type { NativeContext } from './context.ts'
import { readSignatures } from './signature.ts'

/** A model compiled by ONNX Runtime. */
export class NativeSession implements Session {
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  private readonly context: NativeContext
  private readonly pointer: Pointer
  private readonly inputs: readonly TensorSignature[]
  private readonly outputs: readonly TensorSignature[]
  private readonly bindings = new Set<NativeBinding>()
  private readonly owned: Set<NativeSession>
  private releasing: Promise<void> | undefined

  private constructor(context: NativeContext, pointer: Pointer, owned: Set<NativeSession>) {
    this.context = context
    this.pointer = pointer
    this.owned = owned
    this.inputs = readSignatures(context.api, pointer, 'Input')
    this.outputs = readSignatures(context.api, pointer, 'Output')
    this.inputNames = this.inputs.map(({ name }) => name)
    this.outputNames = this.outputs.map(({ name }) => name)
  }

  /** Takes over an `OrtSession`; a member of `owned` until it is released. */
  static open(context: NativeContext, pointer: Pointer, owned: Set<NativeSession>): NativeSession {
    try {
      const session = new NativeSession(context, pointer, owned)
      owned.add(session)
      return session
    } catch (error) {
      context.api.release('ReleaseSession', pointer)
      throw error
    }
  }

  bind(inputs: Readonly<Record<string, DeviceBuffer>>, outputs: Readonly<Record<string, DeviceBuffer>>): Binding {
    if (this.releasing) throw new EngineError('bind: this session has been released; create another')
    const binding = new NativeBinding(
      this.context,
      this.pointer,
      matchBuffers('input', this.inputs, inputs, isNative),
      matchBuffers('output', this.outputs, outputs, isNative),
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
    this.owned.delete(this)
  }
}

const isNative = (buffer: DeviceBuffer): buffer is NativeBuffer => buffer instanceof NativeBuffer
