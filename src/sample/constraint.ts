import type { History } from './history.ts'

/** Forbids what may not follow, so that every continuation that isn't cut short by its caller is well formed. */
export interface Constraint {
  /** Throws ConfigError where no continuation of at most `budget` ids is well formed. */
  check(budget: number): void
  /** Sets the logits, `[vocabSize]`, of ids that may not follow `history` to −∞, in view of the room it has left. */
  apply(logits: Float32Array, history: History): void
  /** Whether a continuation is whole, and no id at all may follow, not even one that ends it. */
  isOver(history: History): boolean
}
