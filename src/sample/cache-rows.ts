import type { CausalDimensions } from '../models/architecture.ts'
import type { DeviceBuffer, Engine } from '../runtime/engine.ts'

/** The key/value caches of a batch, a buffer [batch, nKvHeads, capacity, dHead] for each layer's keys and values. */
export class CacheRows {
  /** By the decoding graph's names: `keys.0`, `values.0`, … */
  readonly buffers: Readonly<Record<string, DeviceBuffer>>
  readonly #capacity: number
  readonly #nKvHeads: number
  readonly #dHead: number

  constructor(engine: Engine, { nLayers, nKvHeads, dHead }: CausalDimensions, batch: number, capacity: number) {
    const names = Array.from({ length: nLayers }, (_, i) => [`keys.${i}`, `values.${i}`]).flat()
    const shape = [batch, nKvHeads, capacity, dHead]
    this.buffers = buffersOf(engine, names, shape)
    this.#capacity = capacity
    this.#nKvHeads = nKvHeads
    this.#dHead = dHead
  }

  /** Views of the rows from `begin` to before `end`, [rows, nKvHeads, capacity, dHead] each; whoever asked releases them. */
  rows(begin: number, end: number): Record<string, DeviceBuffer> {
    const shape = [end - begin, this.#nKvHeads, this.#capacity, this.#dHead]
    const size = this.#nKvHeads * this.#capacity * this.#dHead
    return Object.fromEntries(
      Object.entries(this.buffers).map(([name, buffer]) => [name, buffer.view(shape, begin * size)]),
    )
  }

  /** Row b becomes what row `order[b]` is; of row r, `lengths[r]` positions count. */
  async reorder(order: readonly number[], lengths: readonly number[]): Promise<void> {
    if (order.every((from, to) => from === to)) return
    for (const buffer of Object.values(this.buffers)) {
      const cache = (buffer.host ?? (await buffer.read())) as Float32Array
      const moved = order.map((from, to) => (from === to ? [] : this.#heads(cache, from, lengths[from]!)))
      for (const [to, heads] of moved.entries())
        for (const [head, values] of heads.entries()) cache.set(values, this.#begin(to, head))
      if (!buffer.host) await buffer.write(cache)
    }
  }

  release(): void {
    for (const buffer of Object.values(this.buffers)) buffer.release()
  }

  /** Copies of what each head of a row holds. */
  #heads(cache: Float32Array, row: number, length: number): Float32Array[] {
    return Array.from({ length: this.#nKvHeads }, (_, head) => {
      const begin = this.#begin(row, head)
      return cache.slice(begin, begin + length * this.#dHead)
    })
  }

  #begin(row: number, head: number): number {
    return (row * this.#nKvHeads + head) * this.#capacity * this.#dHead
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
