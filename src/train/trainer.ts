import { ConfigError } from '../errors.ts'
import type { HostTensor } from '../graph/dtype.ts'
import type { Tensor } from '../graph/tensor.ts'
import { initializeAll } from '../nn/parameters.ts'
import { Random } from '../random/random.ts'
import type { DeviceBuffer, Engine } from '../runtime/engine.ts'
import { lowerStep } from './compiled.ts'
import { FedStep, type Feeds, type StepState, zerosOf } from './fed-step.ts'
import { StateBuffers } from './state-buffers.ts'
import { applyStep, fusedStep, gradientStep, type StepOptions, stateName } from './step.ts'

export type { Feeds } from './fed-step.ts'

/** What a trainer is made of. */
export interface TrainerOptions extends StepOptions {
  /** The scalar loss of one batch, over the parameters' placeholders and the batch's. */
  readonly loss: Tensor
  /**
   * The same for batches of other sizes, such as narrower ones, over placeholders of the same names: a batch goes to
   * the first of all that has its sizes, each compiled when a batch first comes to it.
   */
  readonly otherLosses?: readonly Tensor[]
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
type KeptOptions = Omit<TrainerOptions, 'frozen' | 'initial' | 'loss' | 'otherLosses'>

/** What one step reports. */
export interface StepResult {
  /** Mean over the step's batches. */
  readonly loss: number
  /** Before clipping. */
  readonly gradientNorm: number
}

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
  /** Inputs that stay as they are. */
  readonly #frozen = new Map<string, DeviceBuffer>()
  /** Those that every batch must feed: the placeholders of the loss. */
  readonly #wanted: readonly string[]
  readonly #state: StateBuffers
  /** Gradients that accumulate over the batches of a step. */
  readonly #sums: StateBuffers
  /** The update from gradients, where batches accumulate. */
  readonly #update: FedStep | undefined
  /** What runs for a batch, by its sizes: a part of the step where batches accumulate, else all of it. */
  readonly #batches: readonly FedStep[]

  private constructor(
    engine: Engine,
    { frozen = {}, initial: _, loss: _loss, otherLosses: _others, ...options }: TrainerOptions,
    { update, batches }: StepPrograms,
    first: ReadonlyMap<string, HostTensor>,
  ) {
    this.#engine = engine
    this.#options = options
    this.#key = Random.seed(options.seed).split('graph')
    this.#update = update
    this.#batches = batches
    const inPlace = engine.inPlace && this.#steps.every(({ lowered }) => lowered.program.inPlace)
    this.#state = new StateBuffers(inPlace)
    this.#sums = new StateBuffers(inPlace)
    try {
      this.#allocate(first, frozen)
    } catch (error) {
      this.#releaseBuffers()
      throw error
    }
    const own = new Set([...Object.keys(options.optimizer.scalars(1, 0)), 'share', 'keep', 'key'])
    this.#wanted = batches[0]!.fedNames.filter((name) => !own.has(name))
  }

  /**
   * Compiles the graphs, other losses' aside, and initializes the parameters. Throws ConfigError for options out of
   * range, EngineError where the engine refuses the graphs or memory does not suffice; then nothing is left behind.
   */
  static async create(engine: Engine, options: TrainerOptions): Promise<Trainer> {
    checkOptions(options)
    const programs = stepPrograms(engine, options)
    const steps = [programs.batches[0]!, ...(programs.update ? [programs.update] : [])]
    try {
      for (const step of steps) await step.compile()
      const random = Random.seed(options.seed).split('parameters')
      return new Trainer(engine, options, programs, await firstValues(options, random))
    } catch (error) {
      for (const step of steps) await step.release()
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
    const scalars = optimizer.scalars(this.step + 1, learningRate)
    let [loss, last] = [0, this.#batches[0]!]
    for (const [i, batch] of batches.entries()) {
      last = this.#batches.find((step) => step.fits(batch)) ?? this.#batches[0]!
      const key = Uint32Array.from(this.#key.at(this.step).at(i).key)
      await last.feed({ ...scalarFeeds({ ...scalars, share: 1 / accumulation, keep: i === 0 ? 0 : 1 }), ...batch, key })
      await last.run(this.#buffers)
      if (this.#update) this.#sums.flip()
      loss += (await last.report('loss')) / accumulation
    }
    await this.#update?.feed(scalarFeeds(scalars))
    await this.#update?.run(this.#buffers)
    this.#state.flip()
    this.step++
    return { loss, gradientNorm: await (this.#update ?? last).report('gradientNorm') }
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
    for (const step of this.#steps) await step.release()
    this.#releaseBuffers()
  }

  get #steps(): FedStep[] {
    return [...this.#batches, ...(this.#update ? [this.#update] : [])]
  }

  #releaseBuffers(): void {
    for (const step of this.#steps) step.releaseFed()
    for (const buffer of this.#frozen.values()) buffer.release()
    this.#state.release()
    this.#sums.release()
  }

  /** Buffers for all that the graphs read; parameters and their averages start from `first`, the rest from zero. */
  #allocate(first: ReadonlyMap<string, HostTensor>, frozen: NonNullable<TrainerOptions['frozen']>): void {
    for (const [name, value] of Object.entries(frozen)) this.#frozen.set(name, this.#engine.createBuffer(value))
    for (const [name, value] of first) {
      this.#state.add(this.#engine, name, value)
      if (this.#options.emaDecay !== undefined) this.#state.add(this.#engine, stateName.ema(name), value)
    }
    const replaced = new Set(this.#steps.flatMap(({ lowered }) => Object.values(lowered.overwrite)))
    for (const step of this.#steps)
      for (const [name, type] of Object.entries(step.lowered.program.inputs)) {
        if (this.#buffers.current(name)) continue
        if (name.startsWith(stateName.gradient(''))) this.#sums.add(this.#engine, name, zerosOf(type))
        else if (replaced.has(name)) this.#state.add(this.#engine, name, zerosOf(type))
        else step.addFed(name)
      }
  }

  /** What the graphs read that they aren't fed, and where they write. */
  get #buffers(): StepState {
    return {
      current: (name) => this.#state.current(name) ?? this.#sums.current(name) ?? this.#frozen.get(name),
      next: (name) => (this.#state.next(name) ?? this.#sums.next(name))!,
      turns: `${this.#state.turn}${this.#sums.turn}`,
    }
  }

  #checkNames(batch: Feeds): void {
    const got = Object.keys(batch)
    if (got.length === this.#wanted.length && this.#wanted.every((name) => got.includes(name))) return
    throw new ConfigError(
      `train: a batch feeds ${list(got)}, wanted ${list(this.#wanted)}; give each placeholder of the loss its values`,
      { got, wanted: this.#wanted },
    )
  }
}

/** What a trainer runs. */
interface StepPrograms {
  readonly update: FedStep | undefined
  readonly batches: readonly FedStep[]
}

function stepPrograms(engine: Engine, options: TrainerOptions): StepPrograms {
  const { accumulation = 1, loss, otherLosses = [] } = options
  const build = accumulation > 1 ? gradientStep : fusedStep
  return {
    update: accumulation > 1 ? new FedStep(engine, lowerStep(engine, applyStep(options))) : undefined,
    batches: [loss, ...otherLosses].map((one) => new FedStep(engine, lowerStep(engine, build(one, options)))),
  }
}

function scalarFeeds(scalars: Readonly<Record<string, number>>): Feeds {
  return Object.fromEntries(Object.entries(scalars).map(([name, value]) => [name, Float32Array.of(value)]))
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
