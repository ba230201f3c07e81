import type { CausalDimensions } from '../models/architecture.ts'
import type { DeviceBuffer, Engine } from '../runtime/engine.ts'

/** The key/value caches of a batch, a buffer [batch, nKvHeads, capacity, dHead] for each layer's keys and values. */
export class CacheRows {
  /** By the decoding graph's names: `keys.0`, `values.0`, … */
  readonly buffers: Readonly<Record<string, DeviceBuffer>>
  readonly #batch: number
  readonly #capacity: number
  readonly #nKvHeads: number
  readonly #dHead: number

  constructor(engine: Engine, { nLayers, nKvHeads, dHead }: CausalDimensions, batch: number, capacity: number) {
    const names = Array.from({ length: nLayers }, (_, i) => [`keys.${i}`, `values.${i}`]).flat()
    const shape = [batch, nKvHeads, capacity, dHead]
    this.buffers = buffersOf(engine, names, shape)
    this.#batch = batch
    this.#capacity = capacity
    this.#nKvHeads = nKvHeads
    this.#dHead = dHead
  }

  /** Views of one row, [1, nKvHeads, capacity, dHead] each; whoever asked releases them. */
  row(index: number): Record<string, DeviceBuffer> {
    const shape = [1, this.#nKvHeads, this.#capacity, this.#dHead]
    const size = this.#nKvHeads * this.#capacity * this.#dHead
    return Object.fromEntries(
      Object.entries(this.buffers).map(([name, buffer]) => [name, buffer.view(shape, index * size)]),
    )
  }

  /** Row b becomes what row `order[b]` is; of row r, `lengths[r]` positions count. */
  async reorder(order: readonly number[], lengths: readonly number[]): Promise<void> {
    if (order.every((from, to) => from === to)) return
    for (const buffer of Object.values(this.buffers)) {
      const old = (await buffer.read()) as Float32Array
      const next = (buffer.host as Float32Array | undefined) ?? old.slice()
      for (let to = 0; to < this.#batch; to++) {
        const from = order[to]!
        if (from !== to) this.#copyRow(old, next, from, to, lengths[from]!)
      }
      if (!buffer.host) await buffer.write(next)
    }
  }

  release(): void {
    for (const buffer of Object.values(this.buffers)) buffer.release()
  }

  #copyRow(old: Float32Array, next: Float32Array, from: number, to: number, length: number): void {
    const stride = this.#capacity * this.#dHead
    for (let head = 0; head < this.#nKvHeads; head++) {
      const begin = (from * this.#nKvHeads + head) * stride
      next.set(old.subarray(begin, begin + length * this.#dHead), (to * this.#nKvHeads + head) * stride)
    }
  }
}

/** A buffer of zeros for each name: all, or where memory does not suffice none. */
function buffersOf(engine: Engine, names: readonly string[], shape: readonly number[]): Record<string, DeviceBuffer> {
  const buffers: Record<string, DeviceBuffer> = {}
  try {
    for (const name of names) buffers[name] = engine.createBuffer({ dtype: 'float32', shape })
    return buffers
  } catch (error) {
    for (const buffer of Object.values(buffers)) buffer.release()
    throw error
  }
}
