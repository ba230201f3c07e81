/** What a {@link StopMatcher} makes of a piece of text. */
export interface Released {
  /** Text that is certain to come before any stop string. */
  readonly text: string
  /** The stop string that was met; nothing is released after it. */
  readonly stop?: string
}

/**
 * Ends a stream of text before the first of some stop strings, however the stream is cut into pieces.
 *
 * Text that may yet turn out to begin a stop string is withheld until that is decided. The first string to be complete
 * counts; of several complete at the same place, the longest.
 *
 * ```ts
 * const matcher = new StopMatcher(['\n\n'])
 * matcher.push('one\n')   // { text: 'one' }
 * matcher.push('two\n\n') // { text: '\ntwo', stop: '\n\n' }
 * ```
 */
export class StopMatcher {
  readonly #stops: readonly string[]
  #withheld = ''
  #met: string | undefined

  constructor(stops: readonly string[]) {
    this.#stops = stops
  }

  /** Takes the next piece; after a stop string was met, gives nothing more. */
  push(piece: string): Released {
    if (this.#met !== undefined) return { text: '', stop: this.#met }
    const text = this.#withheld + piece
    const match = this.#firstMatch(text)
    if (match === undefined) return { text: this.#withhold(text) }
    this.#met = match.stop
    this.#withheld = ''
    return { text: text.slice(0, match.start), stop: match.stop }
  }

  /** Ends the stream: what was withheld began no stop string after all. */
  end(): string {
    const text = this.#withheld
    this.#withheld = ''
    return text
  }

  #firstMatch(text: string): { stop: string; start: number } | undefined {
    let best: { stop: string; start: number } | undefined
    for (const stop of this.#stops) {
      const start = text.indexOf(stop)
      if (start < 0) continue
      const end = start + stop.length
      const bestEnd = best === undefined ? Number.POSITIVE_INFINITY : best.start + best.stop.length
      if (end < bestEnd || (end === bestEnd && best !== undefined && start < best.start)) best = { stop, start }
    }
    return best
  }

  /** Keeps back the longest end of `text` that begins a stop string; gives the rest. */
  #withhold(text: string): string {
    const length = Math.max(0, ...this.#stops.map((stop) => overlap(text, stop)))
    this.#withheld = text.slice(text.length - length)
    return text.slice(0, text.length - length)
  }
}

/** Length of the longest end of `text` that is a beginning of `stop`, shorter than it. */
function overlap(text: string, stop: string): number {
  let length = Math.min(text.length, stop.length - 1)
  while (length > 0 && !text.endsWith(stop.slice(0, length))) length--
  return length
}
