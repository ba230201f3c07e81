import type { Binding, DeviceBuffer, Engine, Session } from '../runtime/engine.ts'
import type { BoundSums, LogitSummer } from './logit-sums.ts'

/** What a run of a decoding graph is made with. */
export interface DecodingCallOptions {
  readonly engine: Engine
  readonly session: Session
  /** Weights that the graph takes as inputs, by name. */
  readonly shared: Readonly<Record<string, DeviceBuffer>>
  /** Caches by the graph's names, which a run extends; they stay their owner's. */
  readonly caches: Readonly<Record<string, DeviceBuffer>>
  readonly batch: number
  /** New ids a row. */
  readonly length: number
  /** After how many of the new ids, of all rows, logits are wanted. */
  readonly places: number
  readonly vocabSize: number
  /** What makes {@link DecodingCall.sums}, where they are wanted. */
  readonly summer?: LogitSummer | undefined
}

/** Buffers that one shape of run feeds and reads, bound once. */
export class DecodingCall {
  readonly binding: Binding
  /** Sums over the logits, as of their own last run. */
  readonly sums: BoundSums | undefined
  /** Logits after the new ids at the places fed, [places, vocabSize]. */
  readonly #logits: DeviceBuffer
  readonly #fed: Readonly<Record<'ids' | 'positions' | 'lastPosition' | 'total' | 'places', DeviceBuffer>>
  /** What was made, in order. */
  readonly #made: { release(): void }[] = []

  /** Throws EngineError where memory does not suffice or the buffers do not fit; then nothing is left behind. */
  constructor({ engine, session, shared, caches, batch, length, places, vocabSize, summer }: DecodingCallOptions) {
    const own = <Made extends { release(): void }>(made: Made): Made => {
      this.#made.push(made)
      return made
    }
    const make = (shape: number[], dtype: 'int32' | 'float32' = 'int32') => own(engine.createBuffer({ dtype, shape }))
    try {
      const row = [batch, length]
      this.#fed = {
        ids: make(row),
        positions: make(row),
        lastPosition: make([batch]),
        total: make([]),
        places: make([places]),
      }
      this.#logits = make([places, vocabSize], 'float32')
      const outputs = { logits: this.#logits, ...extended(caches) }
      this.binding = own(bind(session, { ...shared, ...this.#fed, ...caches }, outputs))
      this.sums = summer && own(summer.bind(this.#logits))
    } catch (error) {
      this.release()
      throw error
    }
  }

  /** Ids and their positions, row by row, each row's last position, and after which of all these ids logits are wanted. */
  async feed(ids: readonly number[], positions: readonly number[], last: readonly number[], places: readonly number[]) {
    await write(this.#fed.ids, ids)
    await write(this.#fed.positions, positions)
    await write(this.#fed.lastPosition, last)
    await write(this.#fed.total, [Math.max(...last) + 1])
    await write(this.#fed.places, places)
  }

  /** The logits of the last run; where the engine's memory can be seen, the memory itself. */
  async read(): Promise<Float32Array> {
    return (this.#logits.host ?? (await this.#logits.read())) as Float32Array
  }

  release(): void {
    for (const made of this.#made.toReversed()) made.release()
  }
}

/** A binding of those inputs that the graph has: not every architecture reads positions. */
function bind(
  session: Session,
  inputs: Readonly<Record<string, DeviceBuffer>>,
  outputs: Readonly<Record<string, DeviceBuffer>>,
): Binding {
  const known = new Set(session.inputNames)
  return session.bind(Object.fromEntries(Object.entries(inputs).filter(([name]) => known.has(name))), outputs)
}

/** The caches under the names of the outputs that extend them. */
function extended(caches: Readonly<Record<string, DeviceBuffer>>): Record<string, DeviceBuffer> {
  return Object.fromEntries(Object.entries(caches).map(([name, cache]) => [`next.${name}`, cache]))
}

async function write(buffer: DeviceBuffer, values: readonly number[]): Promise<void> {
  if (buffer.host) (buffer.host as Int32Array).set(values)
  else await buffer.write(Int32Array.from(values))
}
