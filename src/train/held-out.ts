import type { MaskedBatch, WindowShape } from '../data/windows.ts'
import { sizeOf } from '../graph/dtype.ts'
import { input } from '../graph/tensor.ts'
import { maskedNextTokenLoss } from '../losses/next-token.ts'
import type { CausalArchitecture } from '../models/architecture.ts'
import { formatsOf, partsOf, type QuantizedMatrices } from '../models/block-quantization.ts'
import { lower } from '../onnx/lower.ts'
import type { DeviceBuffer, Engine, Session } from '../runtime/engine.ts'

/** Measures a causal model on windows of held-out ids; compiled once, for any weights that are passed. */
export class HeldOutLoss {
  readonly #session: Session
  readonly #tokens: DeviceBuffer
  readonly #mask: DeviceBuffer
  readonly #loss: DeviceBuffer

  private constructor(engine: Engine, session: Session, tokens: readonly number[], mask: readonly number[]) {
    this.#session = session
    this.#tokens = engine.createBuffer({ dtype: 'int32', shape: tokens })
    this.#mask = engine.createBuffer({ dtype: 'float32', shape: mask })
    this.#loss = engine.createBuffer({ dtype: 'float32', shape: [] })
  }

  /** `quantized` are parameters that are fixed now, in few bits; the others are passed with each measurement. */
  static async create(
    engine: Engine,
    architecture: CausalArchitecture,
    shape: WindowShape,
    quantized: QuantizedMatrices = {},
  ): Promise<HeldOutLoss> {
    const { batchSize: B, contextLength: T } = shape
    const tokens = input('tokens', 'int32', [B, T + 1])
    const mask = input('mask', 'float32', [B, T])
    const loss = maskedNextTokenLoss(tokens, mask, (ids) => architecture.logits(ids))
    const fixed = { initializers: Object.keys(quantized), quantized: formatsOf(quantized) }
    const program = lower({ loss }, { provider: engine.provider, ...fixed })
    const session = await engine.createSession(program.bytes, { initializers: partsOf(quantized) })
    return new HeldOutLoss(engine, session, [B, T + 1], [B, T])
  }

  /**
   * Mean cross-entropy in nats over all predictions that the batches' masks count. `weights` are
   * buffers by parameter name; `onBatch` hears of each batch done.
   */
  async mean(
    weights: Readonly<Record<string, DeviceBuffer>>,
    batches: Iterable<MaskedBatch>,
    onBatch?: (done: number) => void,
  ): Promise<number> {
    const binding = this.#session.bind({ ...weights, tokens: this.#tokens, mask: this.#mask }, { loss: this.#loss })
    let [sum, predictions, done] = [0, 0, 0]
    try {
      for (const batch of batches) {
        await this.#tokens.write(batch.tokens)
        await this.#mask.write(batch.mask)
        await binding.run()
        sum += Number((await this.#loss.read())[0])
        predictions += batch.predictions
        onBatch?.(++done)
      }
    } finally {
      binding.release()
    }
    return sum / predictions
  }

  async release(): Promise<void> {
    await this.#session.release()
    for (const buffer of [this.#tokens, this.#mask, this.#loss]) buffer.release()
  }
}

/** Elements of all tensors of a model. */
export function countParameters(architecture: CausalArchitecture): number {
  return [...architecture.scope.parameters.values()].reduce((total, { shape }) => total + sizeOf(shape), 0)
}
