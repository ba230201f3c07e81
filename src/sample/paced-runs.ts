import type { Binding, Engine } from '../runtime/engine.ts'

/** The longest run that may hold the event loop. */
const shortMs = 5
/** The event loop gets its turn after this long. */
const turnMs = 10
/** What is known of a graph's time fades by this much a run. */
const fading = 1.05

/**
 * Runs short graphs on the calling thread, where a thread's wake-up would cost a tenth of them or more, and gives the
 * event loop its turn every {@link turnMs}; long graphs off the event loop. How long a graph runs is the least of its
 * last runs, for what else the machine does is not the graph's.
 */
export class PacedRuns {
  readonly #canBlock: boolean
  #usualMs = Number.POSITIVE_INFINITY
  #turn = performance.now()

  constructor(engine: Engine) {
    this.#canBlock = engine.name === 'cpu' // a page's engines have no runSync
  }

  async run(binding: Binding): Promise<void> {
    const start = performance.now()
    if (this.#canBlock && this.#usualMs <= shortMs) await this.#runHere(binding, start)
    else await binding.run()
    this.#usualMs = Math.min(performance.now() - start, this.#usualMs * fading)
  }

  async #runHere(binding: Binding, now: number): Promise<void> {
    if (now - this.#turn > turnMs) {
      await new Promise(setImmediate)
      this.#turn = performance.now()
    }
    binding.runSync()
  }
}
