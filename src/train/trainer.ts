import { ConfigError } from '../errors.ts'
import { allocate, type HostTensor, sizeOf, type TypedArray } from '../graph/dtype.ts'
import type { Tensor } from '../graph/tensor.ts'
import { initializeAll } from '../nn/parameters.ts'
import type { LoweredProgram } from '../onnx/lower.ts'
import { Random } from '../random/random.ts'
import type { Binding, DeviceBuffer, Engine } from '../runtime/engine.ts'
import { type Compiled, compile, free, scalarOf } from './compiled.ts'
import { StateBuffers } from './state-buffers.ts'
import { applyStep, fusedStep, gradientStep, type StepOptions, stateName } from './step.ts'

/** What a trainer is made of. */
export interface TrainerOptions extends StepOptions {
  /** The scalar loss of one batch, over the parameters' placeholders and the batch's. */
  readonly loss: Tensor
  /** Batches whose gradients are averaged before each update, 1 by default. */
  readonly accumulation?: number
  /** Initial weights and, keyed by step, all randomness inside the graph. */
  readonly seed: number
  /** What the loss reads besides and nothing moves, by name: the weights of a model that adapters are trained for. */
  readonly frozen?: Readonly<Record<string, HostTensor>>
  /** Weights to begin with, by parameter; the others begin by their initializers. */
  readonly initial?: Readonly<Record<string, HostTensor>>
}

/** What stays known of the options: the weights go, for they are on the engine. */
type KeptOptions = Omit<TrainerOptions, 'frozen' | 'initial'>

/** What one step reports. */
export interface StepResult {
  /** Mean over the step's batches. */
  readonly loss: number
  /** Before clipping. */
  readonly gradientNorm: number
}

/** Values that a batch feeds, by placeholder name. */
export type Feeds = Readonly<Record<string, TypedArray>>

/**
 * Parameters and optimizer state in an engine's memory, and the graphs that move them.
 *
 * With an engine and graphs that allow it, state is overwritten in place; else two sets of buffers
 * take turns. The state after n steps is a function of the options and the n batches alone.
 */
export class Trainer {
  /** Updates done. */
  step = 0
  readonly #engine: Engine
  readonly #options: KeptOptions
  readonly #key: Random
  /** Inputs that are fed anew each run. */
  readonly #fed = new Map<string, DeviceBuffer>()
  /** Inputs that stay as they are. */
  readonly #frozen = new Map<string, DeviceBuffer>()
  /** Those that every batch must feed: the placeholders of the loss. */
  readonly #wanted: readonly string[]
  readonly #state: StateBuffers
  /** Gradients that accumulate over the batches of a step. */
  readonly #sums: StateBuffers
  readonly #update: Compiled
  /** What runs for each batch: a part of the step where batches accumulate, else all of it. */
  readonly #batch: Compiled

  private constructor(
    engine: Engine,
    { frozen = {}, initial: _, ...options }: TrainerOptions,
    compiled: readonly Compiled[],
    first: ReadonlyMap<string, HostTensor>,
    inPlace: boolean,
  ) {
    this.#engine = engine
    this.#options = options
    this.#key = Random.seed(options.seed).split('graph')
    this.#state = new StateBuffers(inPlace)
    this.#sums = new StateBuffers(inPlace)
    this.#update = compiled[0]!
    this.#batch = compiled.at(-1)!
    try {
      this.#allocate(compiled, first, frozen)
    } catch (error) {
      this.#releaseBuffers()
      throw error
    }
    const own = new Set([...Object.keys(options.optimizer.scalars(1, 0)), 'share', 'keep', 'key'])
    this.#wanted = [...this.#fed.keys()].filter((name) => !own.has(name))
  }

  /**
   * Compiles the graphs and initializes the parameters. Throws ConfigError for options out of range, EngineError where
   * the engine refuses the graphs or memory does not suffice; then nothing is left behind.
   */
  static async create(engine: Engine, options: TrainerOptions): Promise<Trainer> {
    checkOptions(options)
    const { accumulation = 1, loss } = options
    const graphs = accumulation > 1 ? [applyStep(options), gradientStep(loss, options)] : [fusedStep(loss, options)]
    const compiled: Compiled[] = []
    try {
      for (const graph of graphs) await compile(engine, graph, compiled)
      const inPlace = engine.inPlace && compiled.every(({ program }) => program.inPlace)
      const random = Random.seed(options.seed).split('parameters')
      const first = await firstValues(options, random)
      return new Trainer(engine, options, compiled, first, inPlace)
    } catch (error) {
      await free(compiled)
      throw error
    }
  }

  /**
   * One update from `accumulation` batches, at the given learning rate. Throws ConfigError for another number of
   * batches and for a batch that does not feed exactly the loss's placeholders.
   */
  async train(batches: readonly Feeds[], learningRate: number): Promise<StepResult> {
    const { optimizer, accumulation = 1 } = this.#options
    if (batches.length !== accumulation)
      throw new ConfigError(`train: got ${batches.length} batches, wanted accumulation = ${accumulation}`)
    for (const batch of batches) this.#checkNames(batch)
    await this.#feedScalars(optimizer.scalars(this.step + 1, learningRate))
    await this.#feedScalars({ share: 1 / accumulation })
    let loss = 0
    for (const [i, batch] of batches.entries()) {
      await this.#feedScalars({ keep: i === 0 ? 0 : 1 })
      await this.#feed({ ...batch, key: Uint32Array.from(this.#key.at(this.step).at(i).key) })
      await this.#run(this.#batch)
      loss += (await scalarOf(this.#batch.reports.loss!)) / accumulation
    }
    if (this.#batch !== this.#update) await this.#run(this.#update)
    this.step++
    return { loss, gradientNorm: await scalarOf(this.#update.reports.gradientNorm!) }
  }

  /** The buffer that holds a state tensor now: a parameter by its name, or a name of {@link stateName}. */
  buffer(name: string): DeviceBuffer {
    const buffer = this.#state.current(name)
    if (!buffer) throw new ConfigError(`trainer: holds no state ${name}`, { name })
    return buffer
  }

  /** The weights to evaluate and to keep, by parameter: the moving average where there is one. */
  weights(): Record<string, DeviceBuffer> {
    const average = this.#options.emaDecay !== undefined
    const names = [...this.#options.parameters.keys()]
    return Object.fromEntries(names.map((name) => [name, this.buffer(average ? stateName.ema(name) : name)]))
  }

  /** What the loss reads and nothing moves, by name. */
  get frozen(): Record<string, DeviceBuffer> {
    return Object.fromEntries(this.#frozen)
  }

  /** Names of all that a checkpoint must hold: parameters, optimizer state, moving averages. */
  get stateNames(): string[] {
    return this.#state.names
  }

  /** Puts values of a checkpoint in place of the state; `step` updates made them. */
  async load(step: number, read: (name: string) => Promise<HostTensor>): Promise<void> {
    for (const name of this.stateNames) await this.buffer(name).write((await read(name)).data)
    this.step = step
  }

  /** Frees everything in the engine. */
  async release(): Promise<void> {
    await free([...new Set([this.#update, this.#batch])])
    this.#releaseBuffers()
  }

  #releaseBuffers(): void {
    for (const buffer of [...this.#fed.values(), ...this.#frozen.values()]) buffer.release()
    this.#state.release()
    this.#sums.release()
  }

  /** Buffers for all that the graphs read; parameters and their averages start from `first`, the rest from zero. */
  #allocate(
    compiled: readonly Compiled[],
    first: ReadonlyMap<string, HostTensor>,
    frozen: NonNullable<TrainerOptions['frozen']>,
  ): void {
    for (const [name, value] of Object.entries(frozen)) this.#frozen.set(name, this.#engine.createBuffer(value))
    for (const [name, value] of first) {
      this.#state.add(this.#engine, name, value)
      if (this.#options.emaDecay !== undefined) this.#state.add(this.#engine, stateName.ema(name), value)
    }
    const replaced = new Set(compiled.flatMap(({ overwrite }) => Object.values(overwrite)))
    const inputs = Object.assign({}, ...compiled.map(({ program }) => program.inputs)) as LoweredProgram['inputs']
    for (const [name, { dtype, shape }] of Object.entries(inputs)) {
      if (this.#state.has(name) || this.#frozen.has(name)) continue
      const zeros = {
        dtype,
        shape: shape as readonly number[],
        data: allocate(dtype, sizeOf(shape as readonly number[])),
      }
      if (name.startsWith(stateName.gradient(''))) this.#sums.add(this.#engine, name, zeros)
      else if (replaced.has(name)) this.#state.add(this.#engine, name, zeros)
      else this.#fed.set(name, this.#engine.createBuffer(zeros))
    }
  }

  async #run(compiled: Compiled): Promise<void> {
    const turns = `${this.#state.turn}${this.#sums.turn}`
    const binding = compiled.bindings.get(turns) ?? this.#bind(compiled)
    compiled.bindings.set(turns, binding)
    await binding.run()
    if (compiled === this.#update) this.#state.flip()
    else this.#sums.flip()
  }

  #bind({ session, program, overwrite, reports }: Compiled): Binding {
    const current = (name: string) =>
      (this.#state.current(name) ?? this.#sums.current(name) ?? this.#frozen.get(name) ?? this.#fed.get(name))!
    const next = (name: string) => (this.#state.next(name) ?? this.#sums.next(name))!
    const inputs = Object.keys(program.inputs).map((name) => [name, current(name)] as const)
    const outputs = Object.entries(overwrite).map(([output, name]) => [output, next(name)] as const)
    return session.bind(Object.fromEntries(inputs), { ...reports, ...Object.fromEntries(outputs) })
  }

  #feedScalars(scalars: Readonly<Record<string, number>>): Promise<void> {
    return this.#feed(
      Object.fromEntries(Object.entries(scalars).map(([name, value]) => [name, Float32Array.of(value)])),
    )
  }

  #checkNames(batch: Feeds): void {
    const got = Object.keys(batch)
    if (got.length === this.#wanted.length && this.#wanted.every((name) => got.includes(name))) return
    throw new ConfigError(
      `train: a batch feeds ${list(got)}, wanted ${list(this.#wanted)}; give each placeholder of the loss its values`,
      { got, wanted: this.#wanted },
    )
  }

  /** Writes values into the inputs of those names; names that no graph reads are passed over. */
  async #feed(feeds: Feeds): Promise<void> {
    for (const [name, values] of Object.entries(feeds)) await this.#fed.get(name)?.write(values)
  }
}

/** Parameters by name, those of `initial` as they are given. */
async function firstValues(
  { parameters, initial = {} }: TrainerOptions,
  random: Random,
): Promise<Map<string, HostTensor>> {
  const others = [...parameters.values()].filter(({ name }) => !Object.hasOwn(initial, name))
  const drawn = await initializeAll(others, random)
  return new Map([...parameters.keys()].map((name) => [name, drawn.get(name) ?? initial[name]!]))
}

function list(names: readonly string[]): string {
  return names.join(', ') || 'nothing'
}

function checkOptions({ accumulation = 1, gradientClip }: TrainerOptions): void {
  if (!Number.isInteger(accumulation) || accumulation < 1)
    throw new ConfigError(`trainer: accumulation is ${accumulation}, wanted a whole number from 1`)
  if (!(gradientClip > 0))
    throw new ConfigError(`trainer: gradientClip is ${gradientClip}, wanted a number above 0; Infinity clips nothing`)
}
