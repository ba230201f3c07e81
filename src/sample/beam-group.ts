import type { CausalModel } from './causal-model.ts'
import { gather } from './gather.ts'
import type { FinishReason, GenerateOptions, TokenEvent } from './generation.ts'
import { createHistory, extended, type History } from './history.ts'
import { type IdLogProbability, likeliest, logNormalizer } from './log-probabilities.ts'
import type { Sampler } from './sampler.ts'
import type { SamplerSettings } from './settings.ts'

/** What all groups of a search share. */
export interface Search {
  readonly model: CausalModel
  readonly settings: SamplerSettings
  readonly options: GenerateOptions
  readonly sampler: Sampler
  /** The first continuation's number, for what errors say. */
  readonly row: number
  /** The most ids that prompt and continuation may have. */
  readonly limit: number
}

type Token = Pick<TokenEvent, 'id' | 'logProbability' | 'top'>

/** A continuation that may still grow. */
interface Beam {
  readonly history: History
  readonly tokens: readonly Token[]
  /** Sum of the log-probabilities after diversity and the processors. */
  readonly sum: number
  /** Its sequence in the state, once that which is `from` there now continues in it. */
  readonly row: number
  readonly from: number
}

/** One id more for a beam. */
interface Expansion {
  readonly parent: Beam
  readonly token: Token
  readonly sum: number
}

/** A continuation that is complete. */
export interface Hypothesis {
  readonly beam: Beam
  readonly reason: FinishReason
  /** sum ÷ length^lengthPenalty, where the length counts the end-of-text id. */
  readonly score: number
  readonly end?: IdLogProbability
}

/** Beams that compete with each other alone: see `beamSearch`. */
export class BeamGroup {
  readonly #search: Search
  readonly #beams: number
  readonly #firstRow: number
  readonly #logProbabilities: Float32Array
  #living: readonly Beam[]
  #complete: Hypothesis[] = []

  /** Group number `at`, with nothing after the prompt, whose sequence is the state's first. */
  constructor(search: Search, prompt: readonly number[], at: number) {
    this.#search = search
    this.#beams = search.settings.beams / search.settings.beamGroups
    this.#firstRow = at * this.#beams
    this.#logProbabilities = new Float32Array(search.model.vocabSize)
    this.#living = [{ history: createHistory(prompt, search.limit), tokens: [], sum: 0, row: 0, from: 0 }]
  }

  /** Beams that go on, best first; none when the search is decided. */
  get living(): readonly Beam[] {
    return this.#living
  }

  /** As many as there are beams at most, best first. */
  get complete(): readonly Hypothesis[] {
    return this.#complete
  }

  /** Completes and extends the beams. `penalties`, one an id, are taken off the log-probabilities. */
  step(logits: Float32Array, penalties: Float32Array): void {
    const survivors: Expansion[] = []
    for (const [rank, expansion] of this.#expansions(logits, penalties).entries()) {
      const isEnd = this.#search.options.endOfText?.includes(expansion.token.id) ?? false
      if (!isEnd && survivors.length < this.#beams) survivors.push(expansion)
      if (isEnd && rank < this.#beams) this.#completeWith(expansion)
    }
    const beams = survivors.map(({ parent, token, sum }, i) => ({
      history: extended(parent.history, token.id),
      tokens: [...parent.tokens, token],
      sum,
      row: this.#firstRow + i,
      from: parent.row,
    }))
    this.#living = this.#isDecided(beams[0]) ? [] : beams
  }

  /** Completes what still lives, as it is. */
  close(reason: FinishReason): void {
    for (const beam of this.#living) this.#end(beam, reason)
    this.#living = []
  }

  /** The best expansions of all beams, best first; of equals, the earlier beam's, then the lower id's. */
  #expansions(logits: Float32Array, penalties: Float32Array): Expansion[] {
    const count = (1 + (this.#search.options.endOfText?.length ?? 0)) * this.#beams
    const all = this.#living.flatMap((beam) => this.#expand(beam, logits, penalties, count))
    return all.sort((a, b) => b.sum - a.sum || a.parent.row - b.parent.row || a.token.id - b.token.id).slice(0, count)
  }

  #expand(parent: Beam, allLogits: Float32Array, penalties: Float32Array, count: number): Expansion[] {
    const { model, options, settings, sampler, row } = this.#search
    const { history, tokens, sum } = parent
    if (options.constraint?.isOver(history)) {
      this.#end(parent, 'complete')
      return []
    }
    const logits = allLogits.subarray(parent.row * model.vocabSize, (parent.row + 1) * model.vocabSize)
    const position = { row, step: tokens.length }
    const normalizer = logNormalizer(logits, position)
    const { room } = sampler
    const alternatives = settings.topLogProbabilities
    const top = alternatives > 0 && { top: likeliest(logits, normalizer, alternatives, room) }
    const scores = this.#logProbabilities
    for (let id = 0; id < scores.length; id++)
      scores[id] = (logits[id] as number) - normalizer - (penalties[id] as number)
    const processed = sampler.processed(scores, { ...position, history })
    gather(processed, count, room)
    return Array.from({ length: room.count }, (_, i) => {
      const id = room.ids[i] as number
      const token = { id, logProbability: (logits[id] as number) - normalizer, ...top }
      return { parent, token, sum: sum + (processed[id] as number) }
    })
  }

  #completeWith({ parent: beam, token: { id, logProbability }, sum }: Expansion): void {
    const score = this.#score(sum, beam.tokens.length + 1)
    this.#keep({ beam, reason: 'endOfText', score, end: { id, logProbability } })
  }

  /** Completes a beam as it is. */
  #end(beam: Beam, reason: FinishReason): void {
    this.#keep({ beam, reason, score: this.#score(beam.sum, beam.tokens.length) })
  }

  #keep(hypothesis: Hypothesis): void {
    this.#complete.push(hypothesis)
    this.#complete = this.#complete.sort((a, b) => b.score - a.score).slice(0, this.#beams)
  }

  #score(sum: number, length: number): number {
    return sum / Math.max(length, 1) ** this.#search.settings.lengthPenalty
  }

  /** Whether no more need be searched where `best` is the best that lives. */
  #isDecided(best: Beam | undefined): boolean {
    if (best === undefined) return true
    if (this.#complete.length < this.#beams) return false
    if (this.#search.settings.earlyStopping) return true
    const longest = this.#search.limit - best.history.promptLength
    const attainable = Math.max(this.#score(best.sum, best.tokens.length), this.#score(best.sum, longest))
    return attainable <= this.#complete[this.#beams - 1]!.score
  }
}
