import { ConfigError } from '../../errors.ts'
import type { Constraint } from '../constraint.ts'
import type { History } from '../history.ts'
import { Automaton, type State } from './automaton.ts'
import { checkProgram } from './check-program.ts'
import { compile } from './compile.ts'
import type { Grammar } from './expression.ts'
import type { Program } from './program.ts'
import { applyMask, TokenMasks } from './token-masks.ts'
import type { Vocabulary } from './vocabulary.ts'

/** States after which masks are made afresh, for the next continuations. */
const mostStates = 100_000

/** Where a continuation stands: the state after so many ids of its history, and the masks that know it. */
export interface Place {
  readonly masks: TokenMasks
  readonly state: State
  readonly after: number
}

/**
 * Keeps continuations to a grammar: every one parses, whatever the logits say, and ends within its budget of ids.
 *
 * Ids of `endOfText` may follow only where a text may end; without them a text goes on as long as it can. After
 * Willard and Louf 2023, "Efficient guided generation for large language models", with masks per state of a pushdown
 * automaton as in Dong et al. 2024, "XGrammar"; the budget is ours.
 */
export class GrammarConstraint implements Constraint {
  readonly #program: Program
  readonly #vocabulary: Vocabulary
  #masks: TokenMasks
  readonly #endOfText: readonly number[]

  /** Throws {@link ConfigError} for a grammar that no text follows, or none that the vocabulary can spell. */
  constructor(grammar: Grammar, vocabulary: Vocabulary, endOfText: readonly number[] = []) {
    this.#program = compile(grammar)
    checkProgram(this.#program)
    this.#vocabulary = vocabulary
    this.#masks = this.#freshMasks()
    this.#endOfText = endOfText
    if (this.shortest === Number.POSITIVE_INFINITY) {
      throw new ConfigError(
        'grammar: the vocabulary cannot spell any text that follows it; has it the characters that the grammar asks for?',
      )
    }
  }

  /** The fewest ids that hold a whole text, at most. */
  get shortest(): number {
    return this.#masks.shortest
  }

  check(budget: number): void {
    if (this.#masks.automaton.size > mostStates) this.#masks = this.#freshMasks()
    if (budget >= this.shortest) return
    throw new ConfigError(
      `grammar: got room for ${budget} tokens, wanted at least ${this.shortest} for the shortest text that follows it; ` +
        'raise maxTokens, shorten the prompt, or loosen the grammar',
      { budget, shortest: this.shortest },
    )
  }

  apply(logits: Float32Array, history: History): void {
    const { state, masks } = this.#placeOf(history)
    const mask = masks.following(state, history.length === history.promptLength, roomOf(history))
    applyMask(logits, mask, state.accepts ? this.#endOfText : [])
  }

  isOver(history: History): boolean {
    if (this.#endOfText.length > 0) return false
    const { state } = this.#placeOf(history)
    return state.accepts && state.positions.length === 0
  }

  #freshMasks(): TokenMasks {
    const groups = new Set<number>()
    for (const tokens of [this.#vocabulary.first, this.#vocabulary.later])
      for (const bytes of tokens) for (const byte of bytes ?? []) groups.add(this.#program.groupOf[byte] as number)
    return new TokenMasks(new Automaton(this.#program, (group) => groups.has(group)), this.#vocabulary)
  }

  /** Follows what the history gained since it was last seen. */
  #placeOf(history: History): Place {
    const { promptLength, length } = history
    const begun = history.place ?? this.#beginning(promptLength)
    let state = begun.state
    for (let at = begun.after; at < length; at++)
      state = this.#read(begun.masks.automaton, state, history.ids[at] as number, at === promptLength)
    if (history.place === undefined || begun.after < length) history.place = { ...begun, state, after: length }
    return history.place as Place
  }

  #beginning(promptLength: number): Place {
    return { masks: this.#masks, state: this.#masks.automaton.start as State, after: promptLength }
  }

  #read(automaton: Automaton, from: State, id: number, isFirst: boolean): State {
    const bytes = (isFirst ? this.#vocabulary.first : this.#vocabulary.later)[id]
    let state: State | null = bytes === undefined ? null : from
    for (const byte of bytes ?? []) state = state && automaton.step(state, this.#program.groupOf[byte] as number)
    if (state) return state
    throw new ConfigError(
      `grammar: id ${id} does not follow it; do hooks after the warpers allow what was forbidden?`,
      {
        id,
      },
    )
  }
}

/** Ids that the history has room for. */
function roomOf({ ids, length }: History): number {
  return ids.length - length
}
