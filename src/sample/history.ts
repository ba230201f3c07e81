import type { Place } from './grammar/grammar-constraint.ts'

/** The ids of one sequence so far, prompt and continuation. */
export interface History {
  /** Room for the whole sequence; the first `length` mean something. */
  readonly ids: Int32Array
  length: number
  /** How many of them are the prompt's. */
  readonly promptLength: number
  /** Where the continuation stands in a grammar, if there is one. */
  place?: Place
}

/** A history that holds a prompt, with room for `capacity` ids. */
export function createHistory(prompt: readonly number[], capacity: number): History {
  const ids = new Int32Array(Math.max(capacity, prompt.length))
  ids.set(prompt)
  return { ids, length: prompt.length, promptLength: prompt.length }
}

/** A history with `id` after all that `history` holds; the original stays. */
export function extended(history: History, id: number): History {
  const ids = history.ids.slice()
  ids[history.length] = id
  return { ...history, ids, length: history.length + 1 }
}
