import type { CausalModel, DecodingState } from './causal-model.ts'
import { gather } from './gather.ts'
import {
  breakerIds,
  type FinishReason,
  type GenerateOptions,
  type GenerationEvent,
  limitFor,
  type TokenEvent,
} from './generation.ts'
import { createHistory, extended, type History } from './history.ts'
import { type IdLogProbability, likeliest, logNormalizer } from './log-probabilities.ts'
import { Sampler } from './sampler.ts'
import type { SamplerSettings } from './settings.ts'
import { TextTrack } from './text-track.ts'

type Token = Pick<TokenEvent, 'id' | 'logProbability' | 'top'>

/** A continuation that may still grow. */
interface Beam {
  readonly history: History
  readonly tokens: readonly Token[]
  /** Sum of the log-probabilities after the processors. */
  readonly sum: number
}

/** One id more for beam `parent`. */
interface Expansion {
  readonly parent: number
  readonly token: Token
  readonly sum: number
}

/** A continuation that is complete. */
interface Hypothesis {
  readonly beam: Beam
  readonly reason: FinishReason
  /** sum ÷ length^lengthPenalty, where the length counts the end-of-text id. */
  readonly score: number
  readonly end?: IdLogProbability
}

/**
 * Searches for the likeliest continuations of one prompt with `beams` beams, then reports the `n` best.
 *
 * As in Hugging Face's: at each step the best (1 + ends) × beams expansions are ranked; an end-of-text id completes a
 * beam where it ranks among the first `beams`, and the best others live on. Processors and `beforeWarpers` change
 * log-probabilities, not logits. Without `earlyStopping` the search ends when no living beam can beat the worst of
 * `beams` complete ones whatever its length (theirs: `"never"`), exact where no processor raises a log-probability.
 */
export async function* beamSearch(
  model: CausalModel,
  prompt: readonly number[],
  index: number,
  settings: SamplerSettings,
  options: GenerateOptions,
): AsyncGenerator<GenerationEvent, void, undefined> {
  const capacity = limitFor(model, prompt, settings)
  const state = await model.open({ batch: settings.beams, capacity })
  const firstRow = (options.firstRow ?? 0) + index * settings.n
  try {
    const search = new BeamSearch(model, prompt, capacity, settings, options, firstRow)
    const best = await search.run(state)
    for (const [rank, hypothesis] of best.slice(0, settings.n).entries()) {
      yield* report(hypothesis, firstRow + rank, options)
    }
  } finally {
    state.release()
  }
}

function* report(hypothesis: Hypothesis, row: number, options: GenerateOptions): Generator<GenerationEvent, void> {
  const text = options.decoder && new TextTrack(options.decoder(), [])
  for (const token of hypothesis.beam.tokens) {
    yield { type: 'token', row, ...token, ...(text && { text: text.push(token.id).text }) }
  }
  const { reason, score, end } = hypothesis
  yield { type: 'finish', row, reason, score, ...(end && { end }), ...(text && { text: text.end() }) }
}

class BeamSearch {
  readonly #model: CausalModel
  readonly #settings: SamplerSettings
  readonly #options: GenerateOptions
  readonly #sampler: Sampler
  readonly #row: number
  readonly #limit: number
  readonly #logProbabilities: Float32Array
  #beams: Beam[]
  #complete: Hypothesis[] = []

  constructor(
    model: CausalModel,
    prompt: readonly number[],
    limit: number,
    settings: SamplerSettings,
    options: GenerateOptions,
    row: number,
  ) {
    const { vocabSize } = model
    this.#model = model
    this.#settings = settings
    this.#options = options
    this.#row = row
    this.#limit = limit
    this.#sampler = new Sampler(settings, {
      vocabSize,
      capacity: limit,
      breakers: breakerIds(settings, options),
      ...(options.hooks && { hooks: options.hooks }),
      ...(options.constraint && { constraint: options.constraint }),
    })
    this.#logProbabilities = new Float32Array(vocabSize)
    this.#beams = [{ history: createHistory(prompt, limit), tokens: [], sum: 0 }]
  }

  /** The complete continuations, best first. */
  async run(state: DecodingState): Promise<readonly Hypothesis[]> {
    let logits = await state.append(this.#inRows(state, [this.#beams[0]!.history.ids.subarray(0, this.#promptLength)]))
    while (this.#beams.length > 0) {
      if (this.#options.signal?.aborted) return this.#close('aborted')
      if (this.#beams[0]!.history.length >= this.#limit) return this.#close('length')
      const survivors = this.#step(logits)
      if (this.#isDecided()) return this.#complete
      await state.reorder(Array.from({ length: state.batch }, (_, row) => survivors[row]?.parent ?? row))
      logits = await state.append(
        this.#inRows(
          state,
          survivors.map(({ token }) => [token.id]),
        ),
      )
    }
    return this.#complete
  }

  get #promptLength(): number {
    return this.#beams[0]!.history.promptLength
  }

  #inRows(state: DecodingState, ids: readonly ArrayLike<number>[]): number[][] {
    return Array.from({ length: state.batch }, (_, row) => Array.from(ids[row] ?? []))
  }

  /** Completes and extends the beams; gives what became of each row. */
  #step(logits: Float32Array): Expansion[] {
    const { beams } = this.#settings
    const survivors: Expansion[] = []
    for (const [rank, expansion] of this.#expansions(logits).entries()) {
      const isEnd = this.#options.endOfText?.includes(expansion.token.id) ?? false
      if (!isEnd && survivors.length < beams) survivors.push(expansion)
      if (isEnd && rank < beams) this.#completeWith(expansion)
    }
    this.#beams = survivors.map(({ parent, token, sum }) => {
      const beam = this.#beams[parent]!
      return { history: extended(beam.history, token.id), tokens: [...beam.tokens, token], sum }
    })
    return survivors
  }

  /** The best expansions of all beams, best first; of equals, the earlier beam's, then the lower id's. */
  #expansions(logits: Float32Array): Expansion[] {
    const count = (1 + (this.#options.endOfText?.length ?? 0)) * this.#settings.beams
    const all = this.#beams.flatMap((_, parent) => this.#expand(parent, logits, count))
    return all.sort((a, b) => b.sum - a.sum || a.parent - b.parent || a.token.id - b.token.id).slice(0, count)
  }

  #expand(parent: number, allLogits: Float32Array, count: number): Expansion[] {
    const { vocabSize } = this.#model
    const { history, tokens, sum } = this.#beams[parent]!
    if (this.#options.constraint?.isOver(history)) {
      this.#end(this.#beams[parent]!, 'complete')
      return []
    }
    const logits = allLogits.subarray(parent * vocabSize, (parent + 1) * vocabSize)
    const position = { row: this.#row, step: tokens.length }
    const normalizer = logNormalizer(logits, position)
    const { room } = this.#sampler
    const alternatives = this.#settings.topLogProbabilities
    const top = alternatives > 0 && { top: likeliest(logits, normalizer, alternatives, room) }
    for (let id = 0; id < vocabSize; id++) this.#logProbabilities[id] = (logits[id] as number) - normalizer
    const processed = this.#sampler.processed(this.#logProbabilities, { ...position, history })
    gather(processed, count, room)
    return Array.from({ length: room.count }, (_, i) => {
      const id = room.ids[i] as number
      const token = { id, logProbability: (logits[id] as number) - normalizer, ...top }
      return { parent, token, sum: sum + (processed[id] as number) }
    })
  }

  #completeWith({ parent, token, sum }: Expansion): void {
    const beam = this.#beams[parent]!
    const score = this.#score(sum, beam.tokens.length + 1)
    this.#complete.push({
      beam,
      reason: 'endOfText',
      score,
      end: { id: token.id, logProbability: token.logProbability },
    })
    this.#rank()
  }

  /** Completes what still lives, as it is. */
  #close(reason: FinishReason): readonly Hypothesis[] {
    for (const beam of this.#beams) this.#end(beam, reason)
    return this.#complete
  }

  /** Completes a beam as it is. */
  #end(beam: Beam, reason: FinishReason): void {
    this.#complete.push({ beam, reason, score: this.#score(beam.sum, beam.tokens.length) })
    this.#rank()
  }

  #rank(): void {
    this.#complete = this.#complete.sort((a, b) => b.score - a.score).slice(0, this.#settings.beams)
  }

  #score(sum: number, length: number): number {
    return sum / Math.max(length, 1) ** this.#settings.lengthPenalty
  }

  #isDecided(): boolean {
    const { beams, earlyStopping } = this.#settings
    const best = this.#beams[0]
    if (best === undefined) return true
    if (this.#complete.length < beams) return false
    if (earlyStopping) return true
    const longest = this.#limit - best.history.promptLength
    const attainable = Math.max(this.#score(best.sum, best.tokens.length), this.#score(best.sum, longest))
    return attainable <= this.#complete[beams - 1]!.score
  }
}
