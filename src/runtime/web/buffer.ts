import type { Tensor } from 'onnxruntime-web'
import { EngineError } from '../../errors.ts'
import type { DType, TypedArray } from '../../graph/dtype.ts'
import { bytesPerElement, sizeOf, viewOf } from '../../graph/dtype.ts'
import { type BufferContents, checkData, checkShape } from '../contents.ts'
import type { DeviceBuffer } from '../engine.ts'

/** A buffer of a web engine. */
export interface WebBuffer extends DeviceBuffer {
  readonly released: boolean
  /** The same memory as onnxruntime-web sees it. */
  readonly tensor: Tensor
  /** Takes what a run has computed, where the run could not write it here itself. */
  accept(result: Tensor): void
}

/** Makes onnxruntime-web's tensors. */
export type TensorConstructor = typeof import('onnxruntime-web').Tensor

/** A buffer of the `wasm` engine: JavaScript's memory, which the library copies in and out at each run. */
export class WasmBuffer implements WebBuffer {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly tensor: Tensor
  private readonly array: TypedArray
  private readonly owned: Set<WebBuffer>
  private readonly makeTensor: TensorConstructor
  private isReleased = false

  constructor(contents: BufferContents, array: TypedArray, makeTensor: TensorConstructor, owned: Set<WebBuffer>) {
    checkShape(contents.shape)
    checkData('createBuffer', contents, array)
    this.dtype = contents.dtype
    this.shape = [...contents.shape]
    this.array = array
    this.makeTensor = makeTensor
    this.owned = owned
    this.tensor = new makeTensor(this.dtype, array as Uint8Array, this.shape)
    owned.add(this)
  }

  get released(): boolean {
    return this.isReleased
  }

  get host(): TypedArray {
    this.checkAlive('host')
    return this.array
  }

  async read(): Promise<TypedArray> {
    this.checkAlive('read')
    return this.array.slice()
  }

  async write(data: TypedArray): Promise<void> {
    this.checkAlive('write')
    checkData('write', this, data)
    ;(this.array as Uint8Array).set(data as Uint8Array)
  }

  view(shape: readonly number[], elementOffset = 0): WasmBuffer {
    this.checkAlive('view')
    const length = sizeOf(shape)
    if (!Number.isInteger(elementOffset) || elementOffset < 0 || elementOffset + length > this.array.length) {
      throw new EngineError(
        `view: [${shape}] at element ${elementOffset} does not lie inside [${this.shape}]; take a smaller shape or offset`,
        { shape, elementOffset, within: this.shape },
      )
    }
    const byteOffset = this.array.byteOffset + elementOffset * bytesPerElement[this.dtype]
    const array = viewOf(this.dtype, this.array.buffer, byteOffset, length)
    return new WasmBuffer({ dtype: this.dtype, shape }, array, this.makeTensor, this.owned)
  }

  accept(result: Tensor): void {
    if (!this.isReleased) bytesOf(this.array).set(bytesOf(result.data as TypedArray))
  }

  release(): void {
    this.isReleased = true
    this.owned.delete(this)
  }

  private checkAlive(operation: string): void {
    if (!this.isReleased) return
    throw new EngineError(`${operation}: this buffer ${this.dtype} [${this.shape}] has been released; create another`)
  }
}

/** The bytes under a typed array; no copy. */
export function bytesOf(array: TypedArray): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength)
}
