/** Ids that a prompt is taken in at a time, which bounds the memory of its activations. */
export const promptChunk = 256

/**
 * What samplers drive: a model that continues sequences of ids. It knows nothing of text.
 */
export interface CausalModel {
  readonly vocabSize: number
  /** The most positions a sequence may have, prompt and continuation together. */
  readonly contextLength: number
  /** Starts `batch` empty sequences of at most `capacity` positions each (`contextLength` by default). */
  open(options: { readonly batch: number; readonly capacity?: number }): Promise<DecodingState>
}

/** Sums over a row's logits that an engine has made beside them, in single precision. */
export interface LogitSums {
  /** The greatest logit. */
  readonly top: number
  /** ln Σ exp(logit). */
  readonly normalizer: number
  /** Σ exp((logit − top) ÷ temperature); to {@link totalSlack} of it. */
  readonly total: number
}

/** How far a {@link LogitSums} total of so many logits may be from the exact one, relative to it: four times what was met. */
export const totalSlack = (count: number): number => 2e-6 + 4e-10 * count

/** Sequences in flight with their caches. Calls must not overlap. */
export interface DecodingState {
  readonly batch: number
  /** Positions that each sequence holds. */
  readonly lengths: readonly number[]
  /**
   * Appends `ids[b]` to sequence b (rows may differ in length; an empty row stays as it is) and
   * gives the logits that follow each sequence's last id, `[batch, vocabSize]` row-major. The array
   * is the state's own: valid, and free to be overwritten, until the next call; an empty row's are stale, and missing
   * after the last row that isn't. Who draws from them next may say at which temperature, row by row, for {@link DecodingState.sums}.
   */
  append(ids: readonly (readonly number[])[], temperatures?: readonly number[]): Promise<Float32Array>
  /** Sums over a row's logits of the last `append`, where temperatures were given and the engine has made them. */
  sums?(row: number): LogitSums | undefined
  /** Appends `ids` to sequence `row` and gives the logits that follow each of them, `[ids.length, vocabSize]`. */
  score(row: number, ids: readonly number[]): Promise<Float32Array>
  /** Sequence b continues what sequence `order[b]` holds now; for beams. */
  reorder(order: readonly number[]): Promise<void>
  /** Forgets positions from `length` on in sequence `row`; for speculation and beams. */
  truncate(row: number, length: number): void
  release(): void
}
