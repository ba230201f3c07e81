import koffi from 'koffi'
import { EngineError } from '../../errors.ts'
import type { DType, TypedArray } from '../../graph/dtype.ts'
import { bytesPerElement, sizeOf, viewOf } from '../../graph/dtype.ts'
import { type BufferContents, checkData, checkShape, reserved } from '../contents.ts'
import type { DeviceBuffer } from '../engine.ts'
import type { Pointer } from './api.ts'

/** Bytes; a cache line and the widest vector register. */
const alignment = 64

/** Whoever uses a buffer and must know when it goes: a binding. */
export interface BufferUser {
  /** The buffer has been released: never use it again. The promise, if any, resolves when the run in flight has ended. */
  expire(buffer: NativeBuffer): Promise<void> | undefined
}

/**
 * Zeroed, aligned memory that never moves: an array buffer outside of V8's heap, which lives as long as someone refers
 * to it, so that even a forgotten array over it can never read what is no longer ours.
 */
class Memory {
  readonly address: Pointer
  readonly buffer: ArrayBuffer
  readonly byteOffset: number
  private holders = 0

  constructor(byteLength: number) {
    this.buffer = new ArrayBuffer(byteLength + alignment)
    const start: Pointer = koffi.address(this.buffer)
    this.byteOffset = Number(-start & BigInt(alignment - 1))
    this.address = start + BigInt(this.byteOffset)
  }

  hold(): void {
    this.holders++
  }

  /** The last holder empties the array buffer: its memory is free, and every array over it has length 0. */
  drop(): void {
    if (--this.holders > 0) return
    const buffer = this.buffer as ArrayBuffer & { transfer?(byteLength: number): ArrayBuffer }
    if (buffer.transfer) buffer.transfer(0)
    else structuredClone(buffer, { transfer: [buffer] }) // Node 20: freed by the next collection
  }
}

/** A {@link DeviceBuffer} in this process's memory. After its release, arrays taken from `host` have length 0. */
export class NativeBuffer implements DeviceBuffer {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly byteLength: number
  private readonly memory: Memory
  private readonly byteOffset: number
  private readonly array: TypedArray
  private readonly owned: Set<NativeBuffer>
  private readonly users = new Set<BufferUser>()
  private isReleased = false

  private constructor(
    dtype: DType,
    shape: readonly number[],
    memory: Memory,
    byteOffset: number,
    owned: Set<NativeBuffer>,
  ) {
    const length = sizeOf(shape)
    memory.hold()
    this.dtype = dtype
    this.shape = shape
    this.byteLength = length * bytesPerElement[dtype]
    this.memory = memory
    this.byteOffset = byteOffset
    this.array = viewOf(dtype, memory.buffer, memory.byteOffset + byteOffset, length)
    this.owned = owned
    owned.add(this)
  }

  /** A buffer with `tensor`'s elements, or zeros; a member of `owned` until it is released. */
  static create(tensor: BufferContents, owned: Set<NativeBuffer>): NativeBuffer {
    const { dtype, shape } = tensor
    checkShape(shape)
    if ('data' in tensor) checkData('createBuffer', tensor, tensor.data)
    const memory = reserved(tensor, () => new Memory(sizeOf(shape) * bytesPerElement[dtype]))
    const buffer = new NativeBuffer(dtype, [...shape], memory, 0, owned)
    if ('data' in tensor) buffer.fill(tensor.data)
    return buffer
  }

  get released(): boolean {
    return this.isReleased
  }

  get host(): TypedArray {
    this.checkAlive('host')
    return this.array
  }

  /** Where the elements begin. */
  get address(): Pointer {
    return this.memory.address + BigInt(this.byteOffset)
  }

  async read(): Promise<TypedArray> {
    this.checkAlive('read')
    return this.array.slice()
  }

  async write(data: TypedArray): Promise<void> {
    this.checkAlive('write')
    checkData('write', this, data)
    this.fill(data)
  }

  view(shape: readonly number[], elementOffset = 0): NativeBuffer {
    this.checkAlive('view')
    checkShape(shape)
    const length = sizeOf(shape)
    if (!Number.isInteger(elementOffset) || elementOffset < 0 || elementOffset + length > this.array.length) {
      throw new EngineError(
        `view: [${shape}] at element ${elementOffset} does not lie inside [${this.shape}]; take a smaller shape or offset`,
        { shape, elementOffset, within: this.shape },
      )
    }
    const byteOffset = this.byteOffset + elementOffset * bytesPerElement[this.dtype]
    return new NativeBuffer(this.dtype, [...shape], this.memory, byteOffset, this.owned)
  }

  release(): void {
    if (this.isReleased) return
    this.isReleased = true
    this.owned.delete(this)
    const runs = [...this.users].map((user) => user.expire(this)).filter((run) => run !== undefined)
    this.users.clear()
    if (runs.length === 0) this.memory.drop()
    else void Promise.all(runs).then(() => this.memory.drop())
  }

  /** Registers a binding, which hears of the release. */
  addUser(user: BufferUser): void {
    this.users.add(user)
  }

  removeUser(user: BufferUser): void {
    this.users.delete(user)
  }

  private fill(data: TypedArray): void {
    ;(this.array as Uint8Array).set(data as Uint8Array)
  }

  private checkAlive(operation: string): void {
    if (!this.isReleased) return
    throw new EngineError(`${operation}: this buffer ${this.dtype} [${this.shape}] has been released; create another`)
  }
}
