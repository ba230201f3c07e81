import { ConfigError } from '../errors.ts'
import type { CausalDimensions } from '../models/architecture.ts'
import type { DeviceBuffer, Engine, Session } from '../runtime/engine.ts'
import { CacheRows } from './cache-rows.ts'
import { type DecodingState, type LogitSums, promptChunk } from './causal-model.ts'
import { DecodingCall, type DecodingCallOptions } from './decoding-call.ts'
import type { LogitSummer } from './logit-sums.ts'
import { PacedRuns } from './paced-runs.ts'

/** Scored ids up to this many keep their buffers for the next time: guesses come again and again. */
const keptLength = 32

/** What a {@link CachedState} decodes with. */
interface CachedStateOptions {
  readonly engine: Engine
  readonly session: Session
  readonly dimensions: CausalDimensions
  /** Inputs that all states of a model share. */
  readonly shared: Readonly<Record<string, DeviceBuffer>>
  readonly batch: number
  readonly capacity: number
  readonly summer: LogitSummer | undefined
}

/** Sequences over the rows of one cache [batch, nKvHeads, capacity, dHead] a layer, which runs extend in place. */
export class CachedState implements DecodingState {
  readonly batch: number
  readonly lengths: number[]
  readonly #options: CachedStateOptions
  readonly #caches: CacheRows
  readonly #logits: Float32Array
  readonly #runs: { readonly step: PacedRuns; readonly score: PacedRuns }
  /** The last step's call, for as many rows as it had. */
  #step: { readonly rows: number; readonly call: DecodingCall; readonly release: () => void } | undefined
  /** Whether the last call of `append` has summed over the step's logits. */
  #summed = false
  readonly #scores = new Map<string, { readonly call: DecodingCall; readonly release: () => void }>()

  constructor(options: CachedStateOptions) {
    const { engine, dimensions, batch, capacity } = options
    this.batch = batch
    this.lengths = new Array(batch).fill(0)
    this.#options = options
    this.#logits = new Float32Array(batch * dimensions.vocabSize)
    this.#caches = new CacheRows(engine, dimensions, batch, capacity)
    this.#runs = { step: new PacedRuns(engine), score: new PacedRuns(engine) }
  }

  async append(ids: readonly (readonly number[])[], temperatures?: readonly number[]): Promise<Float32Array> {
    this.#check(ids)
    this.#summed = false
    if (ids.every((row) => row.length <= 1)) return this.#appendOne(ids, temperatures)
    for (const rows of this.#together(ids)) {
      if (rows.length > 1) await this.#begin(rows[0]!, ids.slice(rows[0], rows.at(-1)! + 1))
      else await this.#appendRow(rows[0]!, ids[rows[0]!]!)
    }
    return this.#logits
  }

  sums(row: number): LogitSums | undefined {
    return this.#summed ? this.#step?.call.sums?.of(row) : undefined
  }

  async score(row: number, ids: readonly number[]): Promise<Float32Array> {
    this.#check(Array.from({ length: this.batch }, (_, other) => (other === row ? ids : [])))
    const { vocabSize } = this.#options.dimensions
    const logits = new Float32Array(ids.length * vocabSize)
    for (let begin = 0; begin < ids.length; begin += promptChunk) {
      const chunk = ids.slice(begin, begin + promptChunk)
      await this.#extend(row, chunk, [...chunk.keys()], (found) => logits.set(found, begin * vocabSize))
    }
    return logits
  }

  async reorder(order: readonly number[]): Promise<void> {
    await this.#caches.reorder(order, this.lengths)
    const lengths = order.map((row) => this.lengths[row] as number)
    this.lengths.splice(0, this.batch, ...lengths)
  }

  truncate(row: number, length: number): void {
    if (!(length >= 0 && length <= this.lengths[row]!))
      throw new ConfigError(`truncate: sequence ${row} holds ${this.lengths[row]} positions, got ${length}`)
    this.lengths[row] = length
  }

  release(): void {
    this.#step?.release()
    this.#step = undefined
    for (const { release } of this.#scores.values()) release()
    this.#scores.clear()
    this.#caches.release()
  }

  #check(ids: readonly (readonly number[])[]): void {
    const { capacity, dimensions } = this.#options
    if (ids.length !== this.batch) throw new ConfigError(`append: got ${ids.length} rows, wanted ${this.batch}`)
    for (const [row, added] of ids.entries()) {
      const length = this.lengths[row]! + added.length
      if (length > capacity)
        throw new ConfigError(
          `append: sequence ${row} would hold ${length} positions, its room is ${capacity}; shorten the prompt`,
          { row, length, capacity },
        )
      const bad = added.find((id) => !(Number.isInteger(id) && id >= 0 && id < dimensions.vocabSize))
      if (bad !== undefined)
        throw new ConfigError(
          `append: id ${bad} is not in the vocabulary of ${dimensions.vocabSize}; is it the model's tokenizer?`,
        )
    }
  }

  /**
   * One id a row, all rows in one run, up to the last that has one; those before it without one are computed in a place
   * that nobody reads.
   */
  async #appendOne(ids: readonly (readonly number[])[], temperatures?: readonly number[]): Promise<Float32Array> {
    const rows = ids.findLastIndex((row) => row.length > 0) + 1
    if (rows === 0) return this.#logits
    const taken = ids.slice(0, rows)
    const places = taken.map((_, row) => Math.min(this.lengths[row]!, this.#options.capacity - 1))
    const call = this.#stepOf(rows)
    await call.feed(
      taken.map((row) => row[0] ?? 0),
      places,
      places,
      [...taken.keys()],
    )
    await this.#runs.step.run(call.binding)
    for (const [row, added] of taken.entries()) this.lengths[row]! += added.length
    if (temperatures && call.sums) call.sums.run(temperatures)
    this.#summed = temperatures !== undefined
    return call.read()
  }

  #stepOf(rows: number): DecodingCall {
    if (this.#step?.rows === rows) return this.#step.call
    this.#step?.release()
    this.#step = undefined
    this.#step = { rows, ...this.#call(this.#caches.rows(0, rows), rows, 1, rows) }
    return this.#step.call
  }

  /** Rows with ids in order, those in one list that are read in one run: neighbours that begin, if they are short. */
  #together(ids: readonly (readonly number[])[]): number[][] {
    const groups: number[][] = []
    let longest = 0
    for (const [row, { length }] of ids.entries()) {
      if (length === 0) continue
      const group = groups.at(-1)
      const beside = group?.at(-1) === row - 1 && this.lengths[row - 1] === 0 && this.lengths[row] === 0
      longest = Math.max(longest, length)
      if (beside && longest * (group.length + 1) <= promptChunk) group.push(row)
      else {
        groups.push([row])
        longest = length
      }
    }
    return groups
  }

  /** The beginnings of neighbours in one run, a chunk at most; behind a short one is nothing that its length counts. */
  async #begin(first: number, ids: readonly (readonly number[])[]): Promise<void> {
    const { vocabSize } = this.#options.dimensions
    const length = Math.max(...ids.map((row) => row.length))
    const { call, release } = this.#call(this.#caches.rows(first, first + ids.length), ids.length, length, ids.length)
    try {
      const padded = ids.flatMap((row) => [...row, ...new Array<number>(length - row.length).fill(0)])
      const positions = padded.map((_, i) => i % length)
      const last = ids.map((row) => row.length - 1)
      await call.feed(
        padded,
        positions,
        last,
        last.map((at, row) => row * length + at),
      )
      await call.binding.run()
      this.#logits.set(await call.read(), first * vocabSize)
      for (const [row, added] of ids.entries()) this.lengths[first + row] = added.length
    } finally {
      release()
    }
  }

  /** Many ids of one row, chunk by chunk: what bounds the memory of their activations. */
  async #appendRow(row: number, ids: readonly number[]): Promise<void> {
    const { vocabSize } = this.#options.dimensions
    for (let begin = 0; begin < ids.length; begin += promptChunk) {
      const chunk = ids.slice(begin, begin + promptChunk)
      await this.#extend(row, chunk, [chunk.length - 1], (found) => this.#logits.set(found, row * vocabSize))
    }
  }

  /** Appends ids, a chunk at most, to a row and hands over the logits after those at `places`. */
  async #extend(row: number, ids: readonly number[], places: readonly number[], take: (logits: Float32Array) => void) {
    const key = `${row} ${ids.length} ${places.length}`
    const made = this.#scores.get(key) ?? this.#call(this.#caches.rows(row, row + 1), 1, ids.length, places.length)
    const isKept = ids.length <= keptLength && places.length === ids.length
    if (isKept) this.#scores.set(key, made)
    try {
      const first = this.lengths[row]!
      const positions = ids.map((_, i) => first + i)
      await made.call.feed(ids, positions, positions.slice(-1), places)
      await (isKept ? this.#runs.score.run(made.call.binding) : made.call.binding.run())
      take(await made.call.read())
      this.lengths[row] = first + ids.length
    } finally {
      if (!isKept) made.release()
    }
  }

  /** A call over views of the cache, which are released with it. */
  #call(caches: DecodingCallOptions['caches'], batch: number, length: number, places: number) {
    const { engine, session, shared, dimensions, summer } = this.#options
    const free = () => {
      for (const view of Object.values(caches)) view.release()
    }
    try {
      const { vocabSize } = dimensions
      const call = new DecodingCall({
        engine,
        session,
        shared,
        caches,
        batch,
        length,
        places,
        vocabSize,
        summer: length === 1 ? summer : undefined,
      })
      const release = () => {
        call.release()
        free()
      }
      return { call, release }
    } catch (error) {
      free()
      throw error
    }
  }
}
