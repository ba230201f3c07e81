import { ConfigError, DivergenceError } from '../errors.ts'
import type { Random } from '../random/random.ts'
import { type Candidates, createCandidates } from './candidates.ts'
import type { LogitSums } from './causal-model.ts'
import type { Constraint } from './constraint.ts'
import { dry } from './dry.ts'
import { gather, greatestAllowed, temper } from './gather.ts'
import type { History } from './history.ts'
import type { Position } from './log-probabilities.ts'
import { noRepeatNgram } from './no-repeat-ngram.ts'
import { holdNucleus } from './nucleus.ts'
import { countPenalties, type LogitsProcessor, logitBias, noEndBefore, repetitionPenalty } from './penalties.ts'
import type { SamplerSettings } from './settings.ts'
import { type Warper, warpers } from './warpers.ts'

/** What a row of logits follows. */
export interface LogitsContext extends Position {
  readonly history: History
}

/** Changes a row of logits, `[vocabSize]`, in place; −∞ forbids an id. */
export type LogitsHook = (logits: Float32Array, context: LogitsContext) => void

/** Where others may take part in the choice. */
export interface SamplerHooks {
  /** After bias and penalties, before temperature and the warpers: for constraints. */
  readonly beforeWarpers?: LogitsHook
  /**
   * After the warpers, which left −∞ where they forbid: for marks. What it sees are ln p up to one common term; at
   * temperature 0, which has no warpers, the logits.
   */
  readonly afterWarpers?: LogitsHook
}

/** What a sampler is made for. */
export interface SamplerOptions {
  readonly vocabSize: number
  /** The most ids that a sequence will have. */
  readonly capacity: number
  /** `drySequenceBreakers` as ids. */
  readonly breakers?: readonly number[]
  /** Ids that end a text. */
  readonly endOfText?: readonly number[]
  readonly hooks?: SamplerHooks
  /** Has the last word on what may follow. */
  readonly constraint?: Constraint
}

/**
 * The processors that these settings switch on, in the order in which they run: logit bias, repetition penalty,
 * presence and frequency penalties, DRY, no end before its time.
 */
export function processorsFor(settings: SamplerSettings, options: SamplerOptions): LogitsProcessor[] {
  const { logitBias: bias, repetitionPenalty: repetition, presencePenalty, frequencyPenalty, dryMultiplier } = settings
  const { vocabSize, capacity, breakers = [], endOfText = [] } = options
  const processors: LogitsProcessor[] = []
  if (Object.keys(bias).length > 0) processors.push(logitBias(inVocabulary(bias, vocabSize)))
  if (repetition !== 1) processors.push(repetitionPenalty(repetition, vocabSize))
  if (presencePenalty !== 0 || frequencyPenalty !== 0) {
    processors.push(countPenalties(presencePenalty, frequencyPenalty, vocabSize))
  }
  if (dryMultiplier > 0) {
    const { dryBase: base, dryAllowedLength: allowedLength } = settings
    processors.push(dry({ multiplier: dryMultiplier, base, allowedLength, breakers }, vocabSize, capacity))
  }
  if (settings.minTokens > 0) processors.push(noEndBefore(settings.minTokens, endOfText))
  return processors
}

function inVocabulary(bias: Readonly<Record<string, number>>, vocabSize: number): Readonly<Record<string, number>> {
  for (const id of Object.keys(bias)) {
    if (Number(id) < vocabSize) continue
    throw new ConfigError(`logitBias: got id ${id}, wanted one below the vocabulary's ${vocabSize}`, { id, vocabSize })
  }
  return bias
}

/**
 * Chooses ids from logits by the settings: processors, `beforeWarpers`, the constraint, n-grams that may not return,
 * temperature, top-k, top-p, min-p, typical, `afterWarpers`, then one draw by the inverse of the cumulative distribution
 * in order of ids.
 *
 * Holds the room for one row at a time and allocates nothing per step.
 */
export class Sampler {
  readonly #settings: SamplerSettings
  readonly #hooks: SamplerHooks
  readonly #constraint: Constraint | undefined
  readonly #processors: readonly LogitsProcessor[]
  readonly #ban: LogitsProcessor | undefined
  readonly #warpers: readonly Warper[]
  /** Whether anything comes before the temperature. */
  readonly #changesLogits: boolean
  readonly #logits: Float32Array
  /** Room for candidates; free to be used between choices. */
  readonly room: Candidates

  constructor(settings: SamplerSettings, options: SamplerOptions) {
    this.#settings = settings
    this.#hooks = options.hooks ?? {}
    this.#constraint = options.constraint
    this.#processors = processorsFor(settings, options)
    this.#ban = settings.noRepeatNgram > 0 ? noRepeatNgram(settings.noRepeatNgram) : undefined
    this.#warpers = warpers.filter((warper) => warper.active(settings))
    const { beforeWarpers } = this.#hooks
    this.#changesLogits = Boolean(this.#processors.length || beforeWarpers || this.#constraint || this.#ban)
    this.#logits = new Float32Array(options.vocabSize)
    this.room = createCandidates(options.vocabSize)
  }

  /**
   * The id that follows. `logits` (`[vocabSize]`, finite or −∞) stays as it is; takes one draw from `random`, or none
   * at temperature 0, which takes the greatest (of equals, the lowest id). `sums` over these logits spare the time to
   * make them: the choice is the same.
   * Throws {@link ConfigError} where nothing is left to choose, {@link DivergenceError} where a hook wrote NaN or +∞.
   */
  choose(logits: Float32Array, context: LogitsContext, random: Random, sums?: LogitSums): number {
    const room = this.narrowed(logits, context, sums)
    return this.#settings.temperature === 0 ? (room.ids[0] as number) : draw(room, random.uniform())
  }

  /** What {@link Sampler.choose} draws from, in {@link Sampler.room}: at temperature 0 the greatest alone. */
  narrowed(logits: Float32Array, context: LogitsContext, sums?: LogitSums): Candidates {
    const processed = this.processed(logits, context)
    if (this.#settings.temperature === 0) holdOnly(this.room, this.#greatest(processed, context))
    else {
      this.#narrow(processed, this.#changesLogits ? undefined : sums)
      if (this.#hooks.afterWarpers !== undefined) this.#mark(this.#hooks.afterWarpers, context)
    }
    return this.room
  }

  /** A copy of `logits` with all done to it that comes before the temperature; valid until the next call. */
  processed(logits: Float32Array, context: LogitsContext): Float32Array {
    const row = this.#logits
    row.set(logits)
    for (const process of this.#processors) process(row, context.history)
    if (this.#hooks.beforeWarpers !== undefined) runHook(this.#hooks.beforeWarpers, row, context)
    this.#constraint?.apply(row, context.history)
    this.#ban?.(row, context.history)
    return row
  }

  #greatest(row: Float32Array, context: LogitsContext): number {
    if (this.#hooks.afterWarpers !== undefined) runHook(this.#hooks.afterWarpers, row, context)
    return row.indexOf(greatestAllowed(row))
  }

  #narrow(row: Float32Array, sums: LogitSums | undefined): void {
    const { temperature, topK, topP } = this.#settings
    if (topK === 0 && topP < 1) holdNucleus(row, temperature, topP, this.room, sums)
    else {
      gather(row, topK, this.room)
      temper(this.room, temperature)
    }
    for (const warper of this.#warpers) warper.apply(this.room, this.#settings)
  }

  #mark(hook: LogitsHook, context: LogitsContext): void {
    const { ids, scores, count } = this.room
    const row = this.#logits.fill(Number.NEGATIVE_INFINITY)
    for (let i = 0; i < count; i++) row[ids[i] as number] = scores[i] as number
    runHook(hook, row, context)
    gather(row, 0, this.room)
    temper(this.room, 1)
  }
}

function runHook(hook: LogitsHook, row: Float32Array, context: LogitsContext): void {
  hook(row, context)
  for (let id = 0; id < row.length; id++) {
    if ((row[id] as number) < Number.POSITIVE_INFINITY) continue
    throw new DivergenceError(`sampler hook: got ${row[id]} at id ${id}, wanted a finite logit or −∞`, {
      row: context.row,
      step: context.step,
      id,
    })
  }
}

function holdOnly(room: Candidates, id: number): void {
  room.ids[0] = id
  room.scores[0] = 0
  room.weights[0] = 1
  room.count = 1
  room.total = 1
}

/** The candidate in whose share of the total weight `uniform`, in [0, 1), falls. */
export function draw(candidates: Candidates, uniform: number): number {
  const { ids, weights, count, total } = candidates
  let left = uniform * total
  let at = 0
  while (at < count - 1 && left >= (weights[at] as number)) left -= weights[at++] as number
  while (at > 0 && weights[at] === 0) at--
  return ids[at] as number
}
