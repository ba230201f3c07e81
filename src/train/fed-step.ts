import { allocate, type HostTensor, sizeOf, type TypedArray } from '../graph/dtype.ts'
import type { TensorType } from '../graph/tensor.ts'
import type { DeviceBuffer, Engine } from '../runtime/engine.ts'
import { type Compiled, compile, free, type LoweredStep, scalarOf } from './compiled.ts'

/** Values that a batch feeds, by placeholder name. */
export type Feeds = Readonly<Record<string, TypedArray>>

/** Where what a step reads and replaces lies: now, and after a run. */
export interface StepState {
  current(name: string): DeviceBuffer | undefined
  next(name: string): DeviceBuffer
  /** Tells apart where the state may lie. */
  readonly turns: string
}

/** A graph of training with inputs of its own for what it is fed, over state that is another's; compiled when it first runs. */
export class FedStep {
  readonly lowered: LoweredStep
  readonly #engine: Engine
  readonly #fed = new Map<string, DeviceBuffer>()
  /** One, or none before. */
  readonly #compiled: Compiled[] = []

  constructor(engine: Engine, lowered: LoweredStep) {
    this.#engine = engine
    this.lowered = lowered
  }

  /** Makes an input one that is fed. */
  addFed(name: string): void {
    this.#fed.set(name, this.#engine.createBuffer(zerosOf(this.lowered.program.inputs[name]!)))
  }

  /** The inputs that are fed. */
  get fedNames(): string[] {
    return [...this.#fed.keys()]
  }

  /** Whether each array of a batch has the size that is fed. */
  fits(batch: Feeds): boolean {
    return Object.entries(batch).every(([name, { length }]) => sizeOf(this.#fed.get(name)!.shape) === length)
  }

  /** Writes values into the inputs of those names; names that the graph doesn't read are passed over. */
  async feed(feeds: Feeds): Promise<void> {
    for (const [name, values] of Object.entries(feeds)) await this.#fed.get(name)?.write(values)
  }

  /** Compiles it, unless that is done. Throws EngineError where the engine refuses it; then nothing is left behind. */
  async compile(): Promise<Compiled> {
    try {
      if (this.#compiled.length === 0) await compile(this.#engine, this.lowered, this.#compiled)
      return this.#compiled[0]!
    } catch (error) {
      await free(this.#compiled.splice(0))
      throw error
    }
  }

  async run(state: StepState): Promise<void> {
    const compiled = await this.compile()
    const { bindings } = compiled
    const binding = bindings.get(state.turns) ?? this.#bind(compiled, state)
    bindings.set(state.turns, binding)
    await binding.run()
  }

  /** A scalar of the last run. */
  async report(name: string): Promise<number> {
    return scalarOf((await this.compile()).reports[name]!)
  }

  async release(): Promise<void> {
    await free(this.#compiled)
    this.releaseFed()
  }

  /** Frees what it is fed through, all that there is before it is compiled. */
  releaseFed(): void {
    for (const buffer of this.#fed.values()) buffer.release()
  }

  #bind({ session, program, overwrite, reports }: Compiled, state: StepState) {
    const inputs = Object.keys(program.inputs).map((name) => [name, (state.current(name) ?? this.#fed.get(name))!])
    const outputs = Object.entries(overwrite).map(([output, name]) => [output, state.next(name)])
    return session.bind(Object.fromEntries(inputs), { ...reports, ...Object.fromEntries(outputs) })
  }
}

/** Zeros of a type whose sizes are known. */
export function zerosOf({ dtype, shape }: TensorType): HostTensor {
  const sizes = shape as readonly number[]
  return { dtype, shape: sizes, data: allocate(dtype, sizeOf(sizes)) }
}
