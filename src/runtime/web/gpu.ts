import type { Tensor } from 'onnxruntime-web'
import { EngineError } from '../../errors.ts'
import type { DType, TypedArray } from '../../graph/dtype.ts'
import { bytesPerElement, sizeOf, viewOf } from '../../graph/dtype.ts'
import { type BufferContents, checkData, checkShape } from '../contents.ts'
import type { TensorConstructor, WebBuffer } from './buffer.ts'
import { bytesOf } from './buffer.ts'

/** The part of WebGPU (W3C, "WebGPU", 2025) that holds tensors; TypeScript's library does not describe it yet. */
interface GpuBuffer {
  readonly size: number
  readonly mapState: 'unmapped' | 'pending' | 'mapped'
  mapAsync(mode: number): Promise<void>
  getMappedRange(): ArrayBuffer
  unmap(): void
  destroy(): void
}

interface GpuEncoder {
  copyBufferToBuffer(from: GpuBuffer, fromOffset: number, to: GpuBuffer, toOffset: number, size: number): void
  finish(): unknown
}

/** A graphics device. */
export interface GpuDevice {
  readonly queue: {
    writeBuffer(buffer: GpuBuffer, offset: number, data: Uint8Array): void
    submit(commands: readonly unknown[]): void
  }
  createBuffer(description: { size: number; usage: number }): GpuBuffer
  createCommandEncoder(): GpuEncoder
  destroy(): void
}

interface GpuAdapter {
  readonly features: Iterable<string>
  readonly limits: Readonly<Record<string, number>>
  readonly info?: { readonly vendor: string; readonly architecture: string }
  requestDevice(description: {
    requiredFeatures: readonly string[]
    requiredLimits: Readonly<Record<string, number>>
  }): Promise<GpuDevice>
}

const usage = { mapRead: 1, copySource: 4, copyDestination: 8, storage: 128 } as const
const mapModeRead = 1

/** What ONNX Runtime's shaders profit from, where an adapter has it. */
const wantedFeatures = ['shader-f16', 'subgroups', 'timestamp-query'] as const
const wantedLimits = [
  'maxBindGroups',
  'maxBufferSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupSizeY',
  'maxComputeWorkgroupSizeZ',
  'maxComputeWorkgroupStorageSize',
  'maxComputeWorkgroupsPerDimension',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
] as const

/** Opens the page's graphics device with all that it offers for computing. Throws {@link EngineError} that says what is missing. */
export async function openDevice(): Promise<{ readonly device: GpuDevice; readonly name: string }> {
  const { gpu } = navigator as { gpu?: { requestAdapter(options: object): Promise<GpuAdapter | null> } }
  if (!gpu) {
    throw new EngineError(
      'createEngine: this page has no WebGPU; use HTTPS and a browser that has it, or the engine wasm',
    )
  }
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' })
  if (!adapter) {
    throw new EngineError('createEngine: WebGPU finds no graphics adapter; update its driver, or use the engine wasm')
  }
  const features = new Set(adapter.features)
  const device = await adapter.requestDevice({
    requiredFeatures: wantedFeatures.filter((feature) => features.has(feature)),
    requiredLimits: Object.fromEntries(wantedLimits.map((limit) => [limit, adapter.limits[limit] ?? 0])),
  })
  return { device, name: [adapter.info?.vendor, adapter.info?.architecture].filter(Boolean).join(' ') || 'webgpu' }
}

/** A buffer of the `webgpu` engine; `afterRuns` runs its argument when no run can use the buffer any more. */
export class GpuTensorBuffer implements WebBuffer {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly host = undefined
  readonly tensor: Tensor
  private readonly device: GpuDevice
  private readonly memory: GpuBuffer
  private readonly owned: Set<WebBuffer>
  private readonly afterRuns: (free: () => void) => void
  private isReleased = false

  constructor(
    contents: BufferContents,
    device: GpuDevice,
    makeTensor: TensorConstructor,
    owned: Set<WebBuffer>,
    afterRuns: (free: () => void) => void,
  ) {
    checkShape(contents.shape)
    if ('data' in contents) checkData('createBuffer', contents, contents.data)
    this.dtype = contents.dtype
    this.shape = [...contents.shape]
    this.device = device
    this.owned = owned
    this.afterRuns = afterRuns
    const size = Math.max(16, Math.ceil(this.byteLength / 16) * 16)
    this.memory = device.createBuffer({ size, usage: usage.storage | usage.copySource | usage.copyDestination })
    this.tensor = makeTensor.fromGpuBuffer(this.memory, { dataType: this.dtype, dims: this.shape })
    if ('data' in contents) this.upload(contents.data)
    owned.add(this)
  }

  get released(): boolean {
    return this.isReleased
  }

  async read(): Promise<TypedArray> {
    this.checkAlive('read')
    const { device, memory } = this
    const staging = device.createBuffer({ size: memory.size, usage: usage.mapRead | usage.copyDestination })
    const encoder = device.createCommandEncoder()
    encoder.copyBufferToBuffer(memory, 0, staging, 0, memory.size)
    device.queue.submit([encoder.finish()])
    await staging.mapAsync(mapModeRead)
    const copy = staging.getMappedRange().slice(0, this.byteLength)
    staging.destroy()
    return viewOf(this.dtype, copy, 0, sizeOf(this.shape))
  }

  async write(data: TypedArray): Promise<void> {
    this.checkAlive('write')
    checkData('write', this, data)
    this.upload(data)
  }

  view(): never {
    throw new EngineError('view: WebGPU cannot show a part of a buffer as a tensor; create a buffer of that shape')
  }

  accept(): void {
    // The run has written into this memory itself.
  }

  release(): void {
    if (this.isReleased) return
    this.isReleased = true
    this.owned.delete(this)
    this.afterRuns(() => this.memory.destroy())
  }

  private get byteLength(): number {
    return sizeOf(this.shape) * bytesPerElement[this.dtype]
  }

  /** Writes whole words, as WebGPU wants them. */
  private upload(data: TypedArray): void {
    const words = new Uint8Array(Math.ceil(data.byteLength / 4) * 4)
    words.set(bytesOf(data))
    if (words.length > 0) this.device.queue.writeBuffer(this.memory, 0, words)
  }

  private checkAlive(operation: string): void {
    if (!this.isReleased) return
    throw new EngineError(`${operation}: this buffer ${this.dtype} [${this.shape}] has been released; create another`)
  }
}
