import { z } from 'zod'
import { DivergenceError } from '../errors.ts'

/** What one round of the duel between generator and discriminator came to. */
export interface RoundReport {
  readonly discriminatorLoss: number
  readonly generatorLoss: number
  /** Means over the batch. */
  readonly realLogit: number
  readonly fakeLogit: number
  readonly discriminatorGradientNorm: number
  readonly generatorGradientNorm: number
  /** Share of pairs, 0 to 1, in which the real picture has the larger logit. */
  readonly realAhead: number
}

/** What looking at samples now and then says. */
export interface LookReport {
  /** Mean distance between samples over that between real pictures asked for by the same: 1 is as diverse. */
  readonly diversity: number
  /**
   * (D(train) − D(held out)) / (D(train) − D(generated)), means of logits (Karras et al. 2020, section 3): 0 where held-out
   * pictures look as real as those learned from, 1 where they look as fake as generated ones.
   */
  readonly memorising?: number
}

/** Ways in which a duel goes wrong. */
export type WarningKind = 'collapse' | 'divergence' | 'discriminator-wins' | 'memorising'

/** One of them, seen. */
export interface DuelWarning {
  readonly kind: WarningKind
  /** In plain words: what is seen, and what to change. */
  readonly text: string
}

const average = z.object({ value: z.number(), weight: z.number() })
const count = z.number().int().nonnegative()

/** All that the diagnosis remembers, for checkpoints. */
export const duelStateSchema = z.object({
  rounds: count,
  looks: count,
  realAhead: average,
  gap: average,
  generatorGradient: average,
  /** The highest that the average of the generator's gradient norm has been. */
  highestGradient: z.number(),
  diversity: average,
  highestDiversity: z.number(),
  memorising: average,
  /** Kind → the step at which it was last told. */
  told: z.partialRecord(z.enum(['collapse', 'divergence', 'discriminator-wins', 'memorising']), count),
})

/** The type of {@link duelStateSchema}. */
export type DuelState = z.infer<typeof duelStateSchema>

type Average = z.infer<typeof average>

/** Rounds, looks that averages reach back over. */
const roundsBack = 100
const looksBack = 3
/** Rounds before a duel is judged: its beginning is one-sided. */
const roundsToJudge = 300
const looksToJudge = 4

/** Numbers beyond which nothing is learned any more. */
const largestGap = 1e6
const largestNorm = 1e9

/**
 * Watches a duel: keeps running averages and says, once, when it goes wrong. Its state is a function of the reports
 * alone, so that a resumed run warns as an unbroken one does.
 */
export class DuelWatch {
  readonly #state: DuelState
  readonly #discriminatorLeads: boolean

  /** `discriminatorLeads` where the game means it to be far ahead, as a Wasserstein critic is. */
  constructor(options: { readonly state?: DuelState | undefined; readonly discriminatorLeads?: boolean } = {}) {
    this.#state = structuredClone(options.state ?? emptyState)
    this.#discriminatorLeads = options.discriminatorLeads ?? false
  }

  get state(): DuelState {
    return structuredClone(this.#state)
  }

  /** Diversity, smoothed over the last looks; undefined before the first. */
  get diversity(): number | undefined {
    return this.#state.looks > 0 ? meanOf(this.#state.diversity) : undefined
  }

  /**
   * Takes in the round after which `step` rounds are done. Throws {@link DivergenceError} for numbers that are not finite
   * or beyond all measure; the last checkpoint stands.
   */
  round(step: number, report: RoundReport): DuelWarning[] {
    refuseDiverged(step, report)
    const state = this.#state
    state.rounds++
    take(state.realAhead, report.realAhead, roundsBack)
    take(state.gap, Math.abs(report.realLogit - report.fakeLogit), roundsBack)
    take(state.generatorGradient, report.generatorGradientNorm, roundsBack)
    if (state.rounds >= roundsBack)
      state.highestGradient = Math.max(state.highestGradient, meanOf(state.generatorGradient))
    if (state.rounds < roundsToJudge) return []
    return this.#news(step, [this.#exploding(), this.#oneSided()])
  }

  /** Takes in what a look at samples said. */
  look(step: number, report: LookReport): DuelWarning[] {
    const state = this.#state
    if (!Number.isFinite(report.diversity)) return []
    state.looks++
    take(state.diversity, report.diversity, looksBack)
    state.highestDiversity = Math.max(state.highestDiversity, Math.min(1, meanOf(state.diversity)))
    if (report.memorising !== undefined && Number.isFinite(report.memorising))
      take(state.memorising, Math.max(-1, Math.min(2, report.memorising)), looksBack)
    if (state.looks < looksToJudge || state.rounds < roundsToJudge) return []
    return this.#news(step, [this.#collapsed(), this.#memorising()])
  }

  #exploding(): DuelWarning | undefined {
    const gap = meanOf(this.#state.gap)
    if (gap < 1000) return undefined
    return {
      kind: 'divergence',
      text:
        `the logits of real and generated pictures are ${brief(gap)} apart and the duel is running away; ` +
        'lower learningRate by half or raise penalty threefold in another run',
    }
  }

  #oneSided(): DuelWarning | undefined {
    const { realAhead, generatorGradient, highestGradient } = this.#state
    const ahead = meanOf(realAhead)
    if (this.#discriminatorLeads || ahead < 0.985) return undefined
    const share = meanOf(generatorGradient) / highestGradient
    if (!(share < 0.05) && ahead < 0.998) return undefined
    const gradient = share < 0.05 ? `, and the generator’s gradient has sunk to ${percent(share)} of what it was` : ''
    return {
      kind: 'discriminator-wins',
      text:
        `the discriminator ranks ${percent(ahead)} of real pictures above generated ones${gradient}: the generator ` +
        'gets little to learn from; raise penalty threefold, lower discriminatorWidth, or set augmentation=ada if pictures are few',
    }
  }

  #collapsed(): DuelWarning | undefined {
    const { diversity, highestDiversity, rounds } = this.#state
    const now = meanOf(diversity)
    const fell = highestDiversity >= 0.25 && now < 0.5 * highestDiversity
    if (!fell && !(now < 0.05 && rounds >= 4 * roundsToJudge)) return undefined
    const seen = fell ? `has fallen from ${percent(highestDiversity)} to ${percent(now)}` : `is only ${percent(now)}`
    return {
      kind: 'collapse',
      text:
        `the diversity of samples ${seen} of that of real pictures: the generator paints few pictures again and again; ` +
        'raise penalty threefold, lower learningRate by half, or use larger batches (batchSize)',
    }
  }

  #memorising(): DuelWarning | undefined {
    const { memorising } = this.#state
    if (memorising.weight === 0 || meanOf(memorising) < 0.5) return undefined
    return {
      kind: 'memorising',
      text:
        `held-out pictures look ${percent(meanOf(memorising))} as fake to the discriminator as generated ones: it learns the ` +
        'training pictures by heart; set augmentation=ada or diffaugment, give it more pictures, or stop earlier',
    }
  }

  /** Those that were never told, or so long ago that the run is twice as old. */
  #news(step: number, seen: readonly (DuelWarning | undefined)[]): DuelWarning[] {
    return seen.filter((warning): warning is DuelWarning => {
      if (!warning) return false
      const before = this.#state.told[warning.kind]
      if (before !== undefined && step < 2 * before) return false
      this.#state.told[warning.kind] = step
      return true
    })
  }
}

const none = (): Average => ({ value: 0, weight: 0 })

const emptyState: DuelState = {
  rounds: 0,
  looks: 0,
  realAhead: none(),
  gap: none(),
  generatorGradient: none(),
  highestGradient: 0,
  diversity: none(),
  highestDiversity: 0,
  memorising: none(),
  told: {},
}

/** Moves an exponential average with a time constant of `back` values; `weight` undoes the bias of its beginning. */
function take(average: Average, value: number, back: number): void {
  const share = 1 / back
  average.value += share * (value - average.value)
  average.weight += share * (1 - average.weight)
}

function meanOf({ value, weight }: Average): number {
  return weight === 0 ? Number.NaN : value / weight
}

function refuseDiverged(step: number, report: RoundReport): void {
  const broken = Object.entries(report).find(([, value]) => typeof value === 'number' && !Number.isFinite(value))
  const norms = { discriminatorGradientNorm: largestNorm, generatorGradientNorm: largestNorm }
  const gap = Math.abs(report.realLogit - report.fakeLogit)
  const huge = Object.entries(norms).find(([name, most]) => report[name as keyof typeof norms] > most)
  const [name, value] = broken ?? (huge ? [huge[0], report[huge[0] as keyof typeof norms]] : ['realLogit', gap])
  if (!broken && !huge && gap <= largestGap) return
  throw new DivergenceError(
    `train: round ${step} gave ${name} ${Number.isFinite(value) ? brief(value) : value}; lower learningRate by half or raise penalty ` +
      'threefold in another run; the last checkpoint stands',
    { step, ...report },
  )
}

function percent(share: number): string {
  return `${share >= 0.995 && share < 1 ? (100 * share).toFixed(1) : Math.round(100 * share)} %`
}

function brief(value: number): string {
  return value.toPrecision(3)
}
