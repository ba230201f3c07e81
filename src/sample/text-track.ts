import type { PieceDecoder } from './generation.ts'
import { type Released, StopMatcher } from './stop-matcher.ts'

/** The text of one continuation as its ids come: decoded, ended before the first stop string. */
export class TextTrack {
  readonly #decoder: PieceDecoder
  readonly #matcher: StopMatcher

  constructor(decoder: PieceDecoder, stops: readonly string[]) {
    this.#decoder = decoder
    this.#matcher = new StopMatcher(stops)
  }

  push(id: number): Released {
    return this.#matcher.push(this.#decoder.push(id))
  }

  /** The rest of the text. */
  end(): string {
    const { text, stop } = this.#matcher.push(this.#decoder.end())
    return stop === undefined ? text + this.#matcher.end() : text
  }
}
