import type { HostTensor } from '../graph/dtype.ts'
import type { DeviceBuffer, Engine } from '../runtime/engine.ts'

/** Named state that runs replace: in place, or in two sets of buffers that take turns. */
export class StateBuffers {
  /** Which set holds the state now; always 0 in place. */
  turn: 0 | 1 = 0
  readonly #sets: readonly Map<string, DeviceBuffer>[]

  constructor(inPlace: boolean) {
    this.#sets = inPlace ? [new Map()] : [new Map(), new Map()]
  }

  /** Adds a tensor with its first value. */
  add(engine: Engine, name: string, value: HostTensor): void {
    for (const [i, set] of this.#sets.entries()) {
      const { dtype, shape } = value
      set.set(name, engine.createBuffer(i === 0 ? value : { dtype, shape }))
    }
  }

  get names(): string[] {
    return [...this.#sets[0]!.keys()]
  }

  has(name: string): boolean {
    return this.#sets[0]!.has(name)
  }

  /** Where the state is now. */
  current(name: string): DeviceBuffer | undefined {
    return this.#sets[this.turn]!.get(name)
  }

  /** Where a run writes the next state. */
  next(name: string): DeviceBuffer | undefined {
    return this.#sets[(this.turn + 1) % this.#sets.length]!.get(name)
  }

  /** What was written as next is now current. */
  flip(): void {
    this.turn = ((this.turn + 1) % this.#sets.length) as 0 | 1
  }

  release(): void {
    for (const set of this.#sets) for (const buffer of set.values()) buffer.release()
  }
}
