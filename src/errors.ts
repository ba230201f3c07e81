/** What went wrong, in a form that programs can read: names, sizes, paths. */
export type ErrorDetails = Readonly<Record<string, unknown>>

/**
 * The base of every error that Atelier throws on purpose.
 *
 * The message says, in one line, the operation, what it got, what it wanted and the remedy:
 * `matmul: inner sizes differ, got [4, 8] × [6, 2]; transpose the second?`
 */
export class AtelierError extends Error {
  /** Machine-readable facts about the failure. */
  readonly details: ErrorDetails

  constructor(message: string, details: ErrorDetails = {}, options?: ErrorOptions) {
    super(message, options)
    this.name = new.target.name
    this.details = details
  }
}

/** Shapes or dtypes that do not fit an operation; thrown while a graph is built. */
export class ShapeError extends AtelierError {}

/** A setting that is unknown, out of range, or contradicts another. */
export class ConfigError extends AtelierError {}

/** Data that is missing, empty, corrupt, or of the wrong kind. */
export class DataError extends AtelierError {}

/** A checkpoint, run folder or tokenizer file that is missing, truncated or inconsistent. */
export class CheckpointError extends AtelierError {}

/** The numerical engine is missing, refused a graph, or failed while running one. */
export class EngineError extends AtelierError {}

/** Training that cannot go on: a loss or a gradient that is not finite. */
export class DivergenceError extends AtelierError {}

/** More was asked for at once than there is room to wait; what was asked can be asked again later. */
export class BusyError extends AtelierError {}
