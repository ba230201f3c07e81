import { exp, mul, sub } from '../graph/operations/elementwise.ts'
import { max, sum } from '../graph/operations/reduce.ts'
import { input } from '../graph/tensor.ts'
import { lower } from '../onnx/lower.ts'
import type { Binding, DeviceBuffer, Engine, Session } from '../runtime/engine.ts'
import type { LogitSums } from './causal-model.ts'

/** Below so many logits a row, the sums cost no more without the engine. */
export const leastLogits = 1024

/** A graph that sums over rows of logits, which stay where a decoding graph has left them. */
export class LogitSummer {
  readonly #engine: Engine
  readonly #session: Session

  private constructor(engine: Engine, session: Session) {
    this.#engine = engine
    this.#session = session
  }

  /** For an engine that can run on the calling thread. */
  static async create(engine: Engine): Promise<LogitSummer> {
    return new LogitSummer(engine, await engine.createSession(lower(sums(), { provider: engine.provider }).bytes))
  }

  /** For logits [rows, vocabSize], which stay their owner's. */
  bind(logits: DeviceBuffer): BoundSums {
    return new BoundSums(this.#engine, this.#session, logits)
  }

  /** What {@link LogitSummer.bind} gave must have been released. */
  release(): Promise<void> {
    return this.#session.release()
  }
}

/** top = max l, whole = Σ exp(l − top) and tempered = Σ exp((l − top) · scale), [rows, 1] each. */
function sums() {
  const logits = input('logits', 'float32', ['rows', 'vocabulary'])
  const scales = input('scales', 'float32', ['rows', 1])
  const along = { axes: [1], keepDims: true }
  const top = max(logits, along)
  const below = sub(logits, top)
  return { top, whole: sum(exp(below), along), tempered: sum(exp(mul(below, scales)), along) }
}

/** Sums over the rows of one buffer of logits. */
export class BoundSums {
  readonly #made: Readonly<Record<'scales' | 'top' | 'whole' | 'tempered', DeviceBuffer>>
  readonly #binding: Binding

  /** For logits [rows, vocabSize]. Throws EngineError where memory does not suffice; then nothing is left behind. */
  constructor(engine: Engine, session: Session, logits: DeviceBuffer) {
    const made: DeviceBuffer[] = []
    const make = () => {
      const buffer = engine.createBuffer({ dtype: 'float32', shape: [logits.shape[0]!, 1] })
      made.push(buffer)
      return buffer
    }
    try {
      const outputs = { top: make(), whole: make(), tempered: make() }
      this.#made = { scales: make(), ...outputs }
      this.#binding = session.bind({ logits, scales: this.#made.scales }, outputs)
    } catch (error) {
      for (const buffer of made) buffer.release()
      throw error
    }
  }

  /** Sums anew, each row at its temperature. */
  run(temperatures: readonly number[]): void {
    const scales = this.#made.scales.host as Float32Array
    for (const row of scales.keys()) scales[row] = 1 / (temperatures[row] || 1)
    this.#binding.runSync()
  }

  /** The sums of a row; undefined where a logit is NaN or +∞, or all are −∞. */
  of(row: number): LogitSums | undefined {
    const { top, whole, tempered } = this.#made
    const [greatest, sum, total] = [top, whole, tempered].map((buffer) => buffer.host![row] as number)
    if (!Number.isFinite(sum) || !Number.isFinite(total)) return undefined
    return { top: greatest!, normalizer: greatest! + Math.log(sum!), total: total! }
  }

  release(): void {
    this.#binding.release()
    for (const buffer of Object.values(this.#made)) buffer.release()
  }
}
