import { ConfigError } from '../errors.ts'
import { allocate, type HostTensor, sizeOf } from '../graph/dtype.ts'
import { add, mul } from '../graph/operations/elementwise.ts'
import { reshape } from '../graph/operations/shape.ts'
import { input, type Tensor } from '../graph/tensor.ts'
import {
  type AdversarialWeights,
  type Duel,
  type Objective,
  type PlayerLoss,
  reconstructionError,
} from '../losses/adversarial.ts'
import type { Gan, StatisticUpdates } from '../models/gan.ts'
import { initializeAll, type Parameter, type Scope } from '../nn/parameters.ts'
import type { LoweredProgram } from '../onnx/lower.ts'
import type { Optimizer } from '../optim/optimizer.ts'
import { Random } from '../random/random.ts'
import type { Binding, DeviceBuffer, Engine } from '../runtime/engine.ts'
import { type AugmentationPart, augmentationPlaceholders, augmentPictures } from './augment/augment.ts'
import { type Compiled, compile, free, lowerStep, scalarOf } from './compiled.ts'
import { StateBuffers } from './state-buffers.ts'
import { fusedStep, nextName, type StepGraph, stateName } from './step.ts'
import type { Feeds } from './trainer.ts'

/** One of the two networks of a duel. */
export type PlayerName = 'generator' | 'discriminator'

/** What a trainer of two networks is made of. */
export interface GanTrainerOptions {
  readonly gan: Gan
  readonly objective: Objective
  readonly weights: AdversarialWeights & { readonly penalty: number }
  /** Weight of {@link reconstructionError} in the generator's loss; 0 by default. */
  readonly reconstruction?: number
  readonly batchSize: number
  readonly optimizer: Readonly<Record<PlayerName, Optimizer>>
  /** Limit of each player's global gradient norm; Infinity leaves gradients as they are. */
  readonly gradientClip: number
  /** Decay of the generator's moving average, 0 up to 1; less in the first rounds, see {@link averagingDecay}. */
  readonly emaDecay: number
  /** Whether pictures pass through an augmentation, fed as `real.rows`, `fake.rows`, … */
  readonly augmented: boolean
  /** Initial weights. */
  readonly seed: number
}

/** What one round reports: means over the batch. */
export interface RoundResult {
  readonly discriminatorLoss: number
  readonly generatorLoss: number
  readonly realLogit: number
  readonly fakeLogit: number
  /** Share of pairs in which the real picture has the larger logit: ½ where neither side wins. */
  readonly realAhead: number
  /** Mean squared norm of the logit's gradient by real pictures, and by fake ones; where the objective has them. */
  readonly r1?: number
  readonly r2?: number
  readonly gradientPenalty?: number
  readonly matchingLoss?: number
  readonly reconstructionError?: number
  /** Before clipping. */
  readonly discriminatorGradientNorm: number
  readonly generatorGradientNorm: number
}

/**
 * Feeds of one step of a player, by placeholder: `real` [B, C, S, S] in −1 to 1, `latents` [B, latentSize], `between` [B]
 * uniform, `condition` and `mismatched` where pictures are asked for, `real.rows` … where they are augmented.
 */
export type RoundFeeds = (player: PlayerName, index: number) => Feeds | Promise<Feeds>

/** Learning rates of one round, and the share of the options' penalty that it takes: 1 where absent. */
export interface RoundRates extends Readonly<Record<PlayerName, number>> {
  readonly penalty?: number
}

interface Player {
  readonly state: StateBuffers
  readonly compiled: Compiled
}

/**
 * A generator, a discriminator and their optimizers in an engine's memory, and the two graphs that move them in turn.
 *
 * A round is some steps of the discriminator and one of the generator. The state after n rounds is a function of the
 * options and of what was fed alone.
 */
export class GanTrainer {
  /** Rounds done. */
  step = 0
  readonly #engine: Engine
  readonly #options: GanTrainerOptions
  readonly #players: Readonly<Record<PlayerName, Player>>
  readonly #fed = new Map<string, DeviceBuffer>()

  private constructor(
    engine: Engine,
    options: GanTrainerOptions,
    compiled: readonly Compiled[],
    first: Readonly<Record<PlayerName, ReadonlyMap<string, HostTensor>>>,
  ) {
    this.#engine = engine
    this.#options = options
    const inPlace = engine.inPlace && compiled.every(({ program }) => program.inPlace)
    const player = (i: number) => ({ state: new StateBuffers(inPlace), compiled: compiled[i]! })
    this.#players = { discriminator: player(0), generator: player(1) }
    try {
      this.#allocate(first)
    } catch (error) {
      this.#releaseBuffers()
      throw error
    }
  }

  /** Compiles both players' graphs and draws initial weights. Throws ConfigError for options out of range, EngineError. */
  static async create(engine: Engine, options: GanTrainerOptions): Promise<GanTrainer> {
    checkOptions(options)
    const compiled: Compiled[] = []
    try {
      for (const name of ['discriminator', 'generator'] as const)
        await compile(engine, lowerStep(engine, playerStep(name, options)), compiled)
      const random = Random.seed(options.seed).split('parameters')
      const first = {
        generator: await initializeAll(options.gan.generator.parameters.values(), random),
        discriminator: await initializeAll(options.gan.discriminator.parameters.values(), random),
      }
      return new GanTrainer(engine, options, compiled, first)
    } catch (error) {
      await free(compiled)
      throw error
    }
  }

  /** Some steps of the discriminator, then one of the generator. Throws ConfigError for a feed that lacks a placeholder. */
  async round(feeds: RoundFeeds, rates: RoundRates): Promise<RoundResult> {
    const { discriminatorSteps } = this.#options.objective
    for (let i = 0; i < discriminatorSteps; i++) {
      const count = this.step * discriminatorSteps + i + 1
      await this.#move('discriminator', await feeds('discriminator', i), count, rates)
    }
    await this.#move('generator', await feeds('generator', 0), this.step + 1, rates)
    this.step++
    return this.#result()
  }

  /** The buffer that holds a state tensor now: a parameter by its name, or a name of {@link stateName}. */
  buffer(name: string): DeviceBuffer {
    const { generator, discriminator } = this.#players
    const buffer = generator.state.current(name) ?? discriminator.state.current(name)
    if (!buffer) throw new ConfigError(`trainer: holds no state ${name}`, { name })
    return buffer
  }

  /** The weights to sample with and to keep, by parameter: the generator's moving average, the discriminator as it is. */
  weights(): Record<string, DeviceBuffer> {
    const { generator, discriminator } = this.#options.gan
    const averaged = [...generator.parameters.values()].map(({ name, trained }) => {
      return [name, this.buffer(trained === false ? name : stateName.ema(name))] as const
    })
    const judging = [...discriminator.parameters.keys()].map((name) => [name, this.buffer(name)] as const)
    return Object.fromEntries([...averaged, ...judging])
  }

  /** Names of all that a checkpoint must hold. */
  get stateNames(): string[] {
    return Object.values(this.#players).flatMap(({ state }) => state.names)
  }

  /** Puts values of a checkpoint in place of the state; `step` rounds made them. */
  async load(step: number, read: (name: string) => Promise<HostTensor>): Promise<void> {
    for (const name of this.stateNames) await this.buffer(name).write((await read(name)).data)
    this.step = step
  }

  /** Frees everything in the engine. */
  async release(): Promise<void> {
    await free(Object.values(this.#players).map(({ compiled }) => compiled))
    this.#releaseBuffers()
  }

  #releaseBuffers(): void {
    for (const buffer of this.#fed.values()) buffer.release()
    for (const { state } of Object.values(this.#players)) state.release()
  }

  #allocate(first: Readonly<Record<PlayerName, ReadonlyMap<string, HostTensor>>>): void {
    for (const name of ['generator', 'discriminator'] as const) {
      const { state, compiled } = this.#players[name]
      const { parameters } = this.#options.gan[name]
      for (const [key, value] of first[name]) {
        state.add(this.#engine, key, value)
        if (name === 'generator' && parameters.get(key)?.trained !== false)
          state.add(this.#engine, stateName.ema(key), value)
      }
      for (const key of Object.values(compiled.overwrite))
        if (!state.has(key)) state.add(this.#engine, key, zeros(compiled.program.inputs[key]!))
    }
    for (const { compiled } of Object.values(this.#players))
      for (const [key, type] of Object.entries(compiled.program.inputs))
        if (!this.#holds(key) && !this.#fed.has(key)) this.#fed.set(key, this.#engine.createBuffer(zeros(type)))
  }

  #holds(name: string): boolean {
    return Object.values(this.#players).some(({ state }) => state.has(name))
  }

  async #move(name: PlayerName, feeds: Feeds, count: number, rates: RoundRates): Promise<void> {
    const player = this.#players[name]
    const { optimizer, emaDecay, weights } = this.#options
    const scalars = Object.entries({
      ...optimizer[name].scalars(count, rates[name]),
      emaDecay: averagingDecay(emaDecay, this.step),
      penalty: weights.penalty * (rates.penalty ?? 1),
    })
    const all = { ...feeds, ...Object.fromEntries(scalars.map(([key, value]) => [key, Float32Array.of(value)])) }
    for (const key of Object.keys(player.compiled.program.inputs)) {
      const buffer = this.#fed.get(key)
      const values = (all as Feeds)[key]
      if (buffer && !values)
        throw new ConfigError(`train: the ${name}'s feed lacks ${key}; give it its values`, { key })
      if (buffer && values) await buffer.write(values)
    }
    const turns = Object.values(this.#players)
      .map(({ state }) => state.turn)
      .join('')
    const binding = player.compiled.bindings.get(turns) ?? this.#bind(player)
    player.compiled.bindings.set(turns, binding)
    await binding.run()
    player.state.flip()
  }

  #bind({ state, compiled: { session, program, overwrite, reports } }: Player): Binding {
    const current = (name: string) => (this.#holds(name) ? this.buffer(name) : this.#fed.get(name)!)
    const inputs = Object.keys(program.inputs).map((name) => [name, current(name)] as const)
    const outputs = Object.entries(overwrite).map(([output, name]) => [output, state.next(name)!] as const)
    return session.bind(Object.fromEntries(inputs), { ...reports, ...Object.fromEntries(outputs) })
  }

  async #result(): Promise<RoundResult> {
    const read = async ({ compiled: { reports } }: Player) => {
      const values: Record<string, number> = {}
      for (const [name, buffer] of Object.entries(reports)) values[name] = await scalarOf(buffer)
      return values
    }
    const generator = await read(this.#players.generator)
    const { loss, gradientNorm, ...reports } = await read(this.#players.discriminator)
    return {
      ...reports,
      ...('reconstructionError' in generator ? { reconstructionError: generator.reconstructionError } : {}),
      discriminatorLoss: loss,
      generatorLoss: generator.loss,
      discriminatorGradientNorm: gradientNorm,
      generatorGradientNorm: generator.gradientNorm,
    } as unknown as RoundResult
  }
}

/**
 * min(decay, (1 + n) / (10 + n)) after n rounds: an average that begins with the first weights forgets them soon
 * (as `tf.train.ExponentialMovingAverage` does with a number of updates).
 */
export function averagingDecay(decay: number, rounds: number): number {
  return Math.min(decay, (1 + rounds) / (10 + rounds))
}

function zeros({ dtype, shape }: LoweredProgram['inputs'][string]): HostTensor {
  const sizes = shape as readonly number[]
  return { dtype, shape: sizes, data: allocate(dtype, sizeOf(sizes)) }
}

/** One player's loss, gradients, update, and, for the generator, moving average and statistics, as one graph. */
function playerStep(name: PlayerName, options: GanTrainerOptions): StepGraph {
  const { gan, objective, optimizer, gradientClip } = options
  // A penalty that is nothing stays out of the graph.
  const penalty = options.weights.penalty === 0 ? 0 : input('penalty', 'float32', [])
  const weights = { ...options.weights, penalty }
  const updates: StatisticUpdates = new Map()
  const duel = duelOf(options, updates)
  const { loss, reports } = name === 'generator' ? generatorLoss(duel, options) : objective.discriminator(duel, weights)
  const average = name === 'generator' ? { emaDecay: input('emaDecay', 'float32', []) } : {}
  const parameters = trainedOf(gan[name])
  const step = fusedStep(loss, { parameters, optimizer: optimizer[name], gradientClip, ...average })
  const statistics = name === 'generator' ? [...updates] : []
  return {
    outputs: {
      ...step.outputs,
      ...reports,
      ...Object.fromEntries(statistics.map(([key, next]) => [nextName(key), next])),
    },
    overwrite: { ...step.overwrite, ...Object.fromEntries(statistics.map(([key]) => [nextName(key), key])) },
  }
}

/** The objective's loss and, where it is asked for, the distance from the pictures whose words were given. */
function generatorLoss(duel: PlayedDuel, { objective, reconstruction = 0 }: GanTrainerOptions): PlayerLoss {
  const { loss } = objective.generator(duel)
  if (reconstruction === 0) return { loss, reports: {} }
  const error = reconstructionError(duel.painted, duel.shown)
  return { loss: add(loss, mul(error, reconstruction)), reports: { reconstructionError: error } }
}

function trainedOf({ parameters }: Scope): Map<string, Parameter> {
  return new Map([...parameters].filter(([, { trained }]) => trained !== false))
}

/** A duel, and its pictures as they are before augmentation: `painted` fake ones, `shown` real ones. */
interface PlayedDuel extends Duel {
  readonly painted: Tensor
  readonly shown: Tensor
}

/** The placeholders of a step, and the pictures that both sides bring to it. */
function duelOf({ gan, batchSize, augmented }: GanTrainerOptions, updates: StatisticUpdates): PlayedDuel {
  const { channels, imageSize, latentSize } = gan.config
  const pictures = { batch: batchSize, channels, size: imageSize }
  const real = input('real', 'float32', [batchSize, channels, imageSize, imageSize])
  const condition = conditionInput('condition', gan, batchSize)
  const mismatched = gan.config.conditioning.kind === 'text' ? conditionInput('mismatched', gan, batchSize) : undefined
  const fake = gan.generate(input('latents', 'float32', [batchSize, latentSize]), condition, { updates })
  const seen = (x: Tensor, side: string) =>
    augmented ? augmentPictures(x, augmentationPlaceholders(side, pictures)) : x
  return {
    shown: real,
    painted: fake,
    real: seen(real, 'real'),
    fake: seen(fake, 'fake'),
    between: reshape(input('between', 'float32', [batchSize]), [batchSize, 1, 1, 1]),
    critic: (x, asked) => gan.discriminate(x, asked),
    ...(condition ? { condition } : {}),
    ...(mismatched ? { mismatched } : {}),
  }
}

function conditionInput(name: string, { config: { conditioning } }: Gan, batchSize: number): Tensor | undefined {
  if (conditioning.kind === 'none') return undefined
  return input(name, 'int32', conditioning.kind === 'class' ? [batchSize] : [batchSize, conditioning.maxTokens])
}

/** Names of the feeds that a part of an augmentation has, such as `real.rows`. */
export type AugmentationFeed = `${'real' | 'fake'}.${AugmentationPart}`

function checkOptions({ batchSize, emaDecay, gradientClip, weights }: GanTrainerOptions): void {
  const { penaltyShare } = weights
  if (!Number.isInteger(batchSize) || batchSize < 1)
    throw new ConfigError(`trainer: batchSize is ${batchSize}, wanted a whole number from 1`)
  if (!(emaDecay >= 0 && emaDecay < 1))
    throw new ConfigError(`trainer: emaDecay is ${emaDecay}, wanted 0 up to but not 1`)
  if (!(gradientClip > 0))
    throw new ConfigError(`trainer: gradientClip is ${gradientClip}, wanted a number above 0; Infinity clips nothing`)
  if (!(penaltyShare > 0 && penaltyShare <= 1))
    throw new ConfigError(`trainer: penaltyShare is ${penaltyShare}, wanted above 0 up to 1`)
}
