import { BusyError, ConfigError } from '../errors.ts'
import { type CausalModel, type DecodingState, promptChunk } from './causal-model.ts'
import { advance, type Continuation, endsBefore, openContinuation, samplerOf } from './continuation.ts'
import { checkRequest, type GenerateOptions, type GenerationEvent } from './generation.ts'
import { resolveSamplerSettings } from './resolve-settings.ts'
import type { Sampler } from './sampler.ts'
import type { SamplerSettings } from './settings.ts'

/** How large a {@link ContinuousBatch} is. */
export interface ContinuousBatchOptions {
  /** Continuations that run at once, 16 by default; each takes a cache of `capacity` positions. */
  readonly rows?: number
  /** Requests that may wait for a row, 64 by default. */
  readonly queue?: number
  /** The most positions of prompt and continuation together; the model's context by default. */
  readonly capacity?: number
}

/** One prompt's continuation, from asking to its end. */
interface Request {
  readonly prompt: readonly number[]
  readonly continuation: Continuation
  readonly sampler: Sampler
  readonly settings: SamplerSettings
  readonly options: GenerateOptions
  /** Ids of the prompt that are in the cache. */
  read: number
  /** When it last read: who read longest ago reads first. */
  turn: number
  /** The id that the next step appends. */
  next: number | undefined
  readonly events: GenerationEvent[]
  error: unknown
  /** It is complete, has failed, or nobody listens any more. */
  isOver: boolean
  wake: () => void
}

/**
 * A running batch that requests join and leave at any step, which so decodes for many at once: each writes the ids that
 * {@link generate} would write for it alone. Yu et al. 2022, "Orca", section 3.2 (iteration-level scheduling).
 *
 * Who waits gets a row in order of asking. Each round reads at most {@link promptChunk} ids of prompts, those of several
 * in turn, then makes one step for all who are past theirs, so that a long prompt holds nobody up for longer. Rows in use
 * are the first of one cache: the last moves into a gap, and a step costs no more than the rows in use.
 *
 * ```ts
 * const batch = await ContinuousBatch.open(model)
 * for await (const event of batch.generate([1, 2, 3], { seed: 7 })) console.log(event)
 * await batch.close()
 * ```
 */
export class ContinuousBatch {
  readonly #model: CausalModel
  readonly #state: DecodingState
  readonly #size: Required<ContinuousBatchOptions>
  readonly #waiting: Request[] = []
  /** Who has a row, by its number. */
  #running: Request[] = []
  #turns = 0
  #work: Promise<void> | undefined
  #closed: Promise<void> | undefined

  private constructor(model: CausalModel, state: DecodingState, size: Required<ContinuousBatchOptions>) {
    this.#model = model
    this.#state = state
    this.#size = size
  }

  /** Makes the cache. Throws {@link ConfigError} for sizes that can't be. */
  static async open(model: CausalModel, options: ContinuousBatchOptions = {}): Promise<ContinuousBatch> {
    const { rows = 16, queue = 64, capacity = model.contextLength } = options
    for (const [name, value, least] of [['rows', rows, 1] as const, ['queue', queue, 0] as const])
      if (!Number.isInteger(value) || value < least)
        throw new ConfigError(`continuous batch: ${name} is ${value}, wanted a whole number from ${least}`)
    return new ContinuousBatch(model, await model.open({ batch: rows, capacity }), { rows, queue, capacity })
  }

  /** Requests that have a row, and that wait for one. */
  get load(): { readonly running: number; readonly waiting: number } {
    return { running: this.#running.length, waiting: this.#waiting.length }
  }

  /**
   * Asks for one continuation, which begins at once and is told as it comes; its number is `firstRow`. Who stops
   * listening ends it. An error of its own, such as a hook's, is thrown here and disturbs no other.
   *
   * Throws at once what {@link generate} throws for settings and prompts, {@link ConfigError} for what takes more than
   * one row and where the batch is closed, {@link BusyError} where the queue is full.
   */
  generate(
    prompt: readonly number[],
    given: Partial<SamplerSettings> = {},
    options: GenerateOptions = {},
  ): AsyncGenerator<GenerationEvent, void, undefined> {
    const settings = resolveSamplerSettings(given)
    checkRequest(this.#model, [prompt], settings, options)
    checkSingle(settings, options)
    const continuation = openContinuation(this.#model, prompt, options.firstRow ?? 0, settings, options)
    const sampler = samplerOf(this.#model, continuation.limit, settings, options)
    this.#checkRoom(continuation)
    const request: Request = {
      ...{ prompt, continuation, sampler, settings, options, read: 0, turn: this.#turns++, next: undefined },
      ...{ events: [], error: undefined, isOver: false, wake: () => {} },
    }
    this.#waiting.push(request)
    this.#work ??= this.#run()
    return listen(request)
  }

  /** Ends all continuations with the reason `aborted` and frees the cache. */
  close(): Promise<void> {
    this.#closed ??= Promise.resolve(this.#work).then(() => this.#state.release())
    return this.#closed
  }

  #checkRoom({ limit }: Continuation): void {
    const { rows, queue, capacity } = this.#size
    if (this.#closed) throw new ConfigError('continuous batch: it is closed; open another')
    if (limit > capacity)
      throw new ConfigError(
        `continuous batch: prompt and maxTokens take ${limit} positions, its rows have ${capacity}; lower maxTokens`,
        { limit, capacity },
      )
    if (this.#running.length + this.#waiting.length >= rows + queue)
      throw new BusyError(`continuous batch: ${rows} requests run and ${queue} wait; ask again later`, { rows, queue })
  }

  async #run(): Promise<void> {
    await Promise.resolve() // requests of the same moment begin together
    while (this.#running.length + this.#waiting.length > 0) {
      this.#endAborted()
      try {
        await this.#closeGaps()
      } catch (error) {
        for (const request of this.#running.splice(0)) end(request, error)
      }
      this.#seat()
      await this.#readPrompts()
      await this.#step()
    }
    this.#work = undefined
  }

  /** Ends who needs no further logits to end. */
  #endAborted(): void {
    for (const request of [...this.#waiting, ...this.#running]) {
      const { options, continuation, isOver } = request
      if (isOver || (this.#closed === undefined && !options.signal?.aborted)) continue
      attempt(request, () => tell(request, endsBefore(continuation, { ...options, signal: AbortSignal.abort() })))
    }
    for (let at = this.#waiting.length - 1; at >= 0; at--) if (this.#waiting[at]!.isOver) this.#waiting.splice(at, 1)
  }

  /** Moves the last rows into those that are free again. */
  async #closeGaps(): Promise<void> {
    const living = this.#running.flatMap(({ isOver }, row) => (isOver ? [] : [row]))
    if (living.length === this.#running.length) return
    const moved = living.filter((row) => row >= living.length)
    const order = Array.from({ length: this.#size.rows }, (_, row) =>
      row < living.length && this.#running[row]!.isOver ? moved.pop()! : row,
    )
    await this.#state.reorder(order)
    this.#running = living.map((_, row) => this.#running[order[row]!]!)
  }

  #seat(): void {
    while (this.#waiting.length > 0 && this.#running.length < this.#size.rows) {
      this.#state.truncate(this.#running.length, 0)
      this.#running.push(this.#waiting.shift()!)
    }
  }

  async #readPrompts(): Promise<void> {
    const reading = this.#running.filter(({ read, prompt, isOver }) => read < prompt.length && !isOver)
    const chunks = new Map<Request, readonly number[]>()
    let room = promptChunk
    for (const request of reading.sort((a, b) => a.turn - b.turn)) {
      const chunk = request.prompt.slice(request.read, request.read + promptChunk)
      if (chunk.length > room) break
      room -= chunk.length
      request.turn = this.#turns++
      chunks.set(request, chunk)
    }
    if (chunks.size > 0) await this.#read(chunks)
  }

  async #read(chunks: ReadonlyMap<Request, readonly number[]>): Promise<void> {
    try {
      const ids = this.#running.map((request) => chunks.get(request) ?? [])
      const logits = await this.#state.append(ids.concat(this.#free()))
      for (const [request, chunk] of chunks) {
        request.read += chunk.length
        if (request.read === request.prompt.length) this.#advance(request, logits)
      }
    } catch (error) {
      for (const request of chunks.keys()) end(request, error)
    }
  }

  /** One id more for all who are past their prompts. */
  async #step(): Promise<void> {
    const moving = this.#running.filter(({ next, isOver }) => next !== undefined && !isOver)
    if (moving.length === 0) return
    try {
      const ids = this.#running.map(({ next, isOver }) => (next === undefined || isOver ? [] : [next]))
      const temperatures = this.#running.map(({ settings }) => settings.temperature)
      const logits = await this.#state.append(ids.concat(this.#free()), temperatures)
      for (const request of moving) this.#advance(request, logits)
    } catch (error) {
      for (const request of moving) end(request, error)
    }
  }

  /** Nothing for the rows that are free. */
  #free(): number[][] {
    return Array.from({ length: this.#size.rows - this.#running.length }, () => [])
  }

  #advance(request: Request, logits: Float32Array): void {
    const { vocabSize } = this.#model
    const row = this.#running.indexOf(request)
    const own = logits.subarray(row * vocabSize, (row + 1) * vocabSize)
    const sums = this.#state.sums?.(row)
    const { continuation, sampler, settings, options } = request
    attempt(request, () => {
      request.next = tell(request, advance(continuation, own, sampler, settings, options, sums))[0]
    })
  }
}

function checkSingle({ n, beams }: SamplerSettings, { speculation }: GenerateOptions): void {
  if (n > 1 || beams > 1)
    throw new ConfigError('continuous batch: a request is one row, n and beams want more; ask n times, by firstRow')
  if (speculation !== undefined)
    throw new ConfigError('continuous batch: its rows step together, which guesses ahead do not; leave speculation out')
}

/** The events of a request as they come. */
async function* listen(request: Request): AsyncGenerator<GenerationEvent, void, undefined> {
  try {
    for (;;) {
      while (request.events.length > 0) yield request.events.shift()!
      if (request.error !== undefined) throw request.error
      if (request.isOver) return
      await new Promise<void>((resolve) => {
        request.wake = resolve
      })
    }
  } finally {
    request.isOver = true
  }
}

/** Hands events over; gives what comes of them. */
function tell<T>(request: Request, events: Generator<GenerationEvent, T, undefined>): T {
  for (;;) {
    const { done, value } = events.next()
    if (done) {
      if (request.continuation.finished) end(request)
      return value
    }
    request.events.push(value)
    request.wake()
  }
}

/** Runs a request's own code, whose errors end that request alone. */
function attempt(request: Request, run: () => void): void {
  try {
    run()
  } catch (error) {
    end(request, error)
  }
}

function end(request: Request, error?: unknown): void {
  request.error = error
  request.isOver = true
  request.wake()
}
