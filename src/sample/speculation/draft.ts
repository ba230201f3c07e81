import type { Random } from '../../random/random.ts'
import type { Candidates } from '../candidates.ts'
import type { CausalModel, DecodingState } from '../causal-model.ts'
import type { History } from '../history.ts'
import { logNormalizer } from '../log-probabilities.ts'
import { draw, type Sampler } from '../sampler.ts'
import type { Guess, Guesser } from './guess.ts'

/** What a {@link DraftGuesser} needs beside its model. */
export interface DraftOptions {
  /** With the same settings as the model's: the nearer q is to p, the more guesses stand. */
  readonly sampler: Sampler
  readonly random: Random
  readonly row: number
  /** The most ids that the sequence will have. */
  readonly limit: number
  readonly endOfText: readonly number[]
}

/** Guesses by a smaller model, which draws as the larger one would. */
export class DraftGuesser implements Guesser {
  readonly #state: DecodingState
  readonly #capacity: number
  readonly #vocabSize: number
  readonly #options: DraftOptions
  /** The ids in the draft's cache: some of the last may since have been refused. */
  readonly #held: number[] = []

  private constructor(model: CausalModel, state: DecodingState, capacity: number, options: DraftOptions) {
    this.#state = state
    this.#capacity = capacity
    this.#vocabSize = model.vocabSize
    this.#options = options
  }

  static async open(model: CausalModel, options: DraftOptions): Promise<DraftGuesser> {
    const capacity = Math.min(model.contextLength, options.limit)
    return new DraftGuesser(model, await model.open({ batch: 1, capacity }), capacity, options)
  }

  async guess(history: History, wanted: number): Promise<readonly Guess[]> {
    const { length } = history
    const count = Math.min(wanted, this.#capacity - length + 1)
    const guesses: Guess[] = []
    if (count <= 0) return guesses
    let logits = await this.#read(this.#unread(history))
    try {
      while (true) {
        const guess = this.#draw(logits, history)
        guesses.push(guess)
        if (guesses.length === count || this.#options.endOfText.includes(guess.id)) return guesses
        history.ids[history.length++] = guess.id
        logits = await this.#read([guess.id])
      }
    } finally {
      history.length = length
    }
  }

  release(): void {
    this.#state.release()
  }

  /** Forgets what was refused; gives what follows what is left. */
  #unread({ ids, length }: History): number[] {
    let same = 0
    while (same < Math.min(this.#held.length, length - 1) && this.#held[same] === ids[same]) same++
    this.#state.truncate(0, same)
    this.#held.length = same
    return Array.from(ids.subarray(same, length))
  }

  async #read(ids: readonly number[]): Promise<Float32Array> {
    const logits = await this.#state.append([ids])
    this.#held.push(...ids)
    return logits.subarray(0, this.#vocabSize)
  }

  #draw(logits: Float32Array, history: History): Guess {
    const { row, sampler, random } = this.#options
    const step = history.length - history.promptLength
    logNormalizer(logits, { row, step }) // throws for logits that are not finite
    const room = sampler.narrowed(logits, { row, step, history })
    random.counter = step
    return { id: draw(room, random.uniform()), ...distributionOf(room) }
  }
}

function distributionOf({ ids, weights, count, total }: Candidates): Omit<Guess, 'id'> {
  return { ids: ids.slice(0, count), probabilities: weights.subarray(0, count).map((weight) => weight / total) }
}
