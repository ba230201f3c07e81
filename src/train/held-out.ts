import type { MaskedBatch, WindowShape } from '../data/windows.ts'
import { sizeOf, type TypedArray } from '../graph/dtype.ts'
import { input, type Tensor } from '../graph/tensor.ts'
import { maskedNextTokenLoss } from '../losses/next-token.ts'
import type { CausalArchitecture } from '../models/architecture.ts'
import { formatsOf, partsOf, type QuantizedMatrices } from '../models/block-quantization.ts'
import type { Scope } from '../nn/parameters.ts'
import { lower } from '../onnx/lower.ts'
import type { DeviceBuffer, Engine, Session } from '../runtime/engine.ts'

/** Values of a batch's placeholders, and how many predictions the sums over it count. */
export interface HeldOutBatch {
  readonly feeds: Readonly<Record<string, TypedArray>>
  readonly predictions: number
}

/** A batch that is done: its number from 1, and what it summed to over how many predictions. */
export type OnBatch = (done: number, sums: Readonly<Record<string, number>>, predictions: number) => void

/** Sums over batches of held-out data, such as of losses; compiled once, for any weights that are passed. */
export class HeldOutSums {
  readonly #session: Session
  readonly #fed: Readonly<Record<string, DeviceBuffer>>
  readonly #sums: Readonly<Record<string, DeviceBuffer>>

  private constructor(session: Session, fed: Record<string, DeviceBuffer>, sums: Record<string, DeviceBuffer>) {
    this.#session = session
    this.#fed = fed
    this.#sums = sums
  }

  /**
   * `sums` are scalars over the parameters of `scope` and a batch's placeholders. `quantized` are parameters that are
   * fixed now, in few bits; the others are passed with each measurement.
   */
  static async create(
    engine: Engine,
    scope: Scope,
    sums: Readonly<Record<string, Tensor>>,
    quantized: QuantizedMatrices = {},
  ): Promise<HeldOutSums> {
    const fixed = { initializers: Object.keys(quantized), quantized: formatsOf(quantized) }
    const program = lower(sums, { provider: engine.provider, ...fixed })
    const session = await engine.createSession(program.bytes, { initializers: partsOf(quantized) })
    const fed = Object.entries(program.inputs).filter(([name]) => !scope.parameters.has(name))
    const buffers = fed.map(([name, { dtype, shape }]) => {
      return [name, engine.createBuffer({ dtype, shape: shape as readonly number[] })] as const
    })
    const results = Object.keys(sums).map((name) => {
      return [name, engine.createBuffer({ dtype: 'float32', shape: [] })] as const
    })
    return new HeldOutSums(session, Object.fromEntries(buffers), Object.fromEntries(results))
  }

  /** Each sum over all batches ÷ all their predictions. `weights` are buffers by parameter name; `onBatch` hears of each batch done. */
  async means(
    weights: Readonly<Record<string, DeviceBuffer>>,
    batches: Iterable<HeldOutBatch>,
    onBatch?: OnBatch,
  ): Promise<Record<string, number>> {
    const binding = this.#session.bind({ ...weights, ...this.#fed }, this.#sums)
    const totals = Object.fromEntries(Object.keys(this.#sums).map((name) => [name, 0]))
    let [predictions, done] = [0, 0]
    try {
      for (const batch of batches) {
        for (const [name, values] of Object.entries(batch.feeds)) await this.#fed[name]!.write(values)
        await binding.run()
        const sums: Record<string, number> = {}
        for (const [name, buffer] of Object.entries(this.#sums)) sums[name] = Number((await buffer.read())[0])
        for (const [name, sum] of Object.entries(sums)) totals[name]! += sum
        predictions += batch.predictions
        onBatch?.(++done, sums, batch.predictions)
      }
    } finally {
      binding.release()
    }
    return Object.fromEntries(Object.entries(totals).map(([name, total]) => [name, total / predictions]))
  }

  async release(): Promise<void> {
    await this.#session.release()
    for (const buffer of [...Object.values(this.#fed), ...Object.values(this.#sums)]) buffer.release()
  }
}

/** Measures a causal model on windows of held-out ids; compiled once, for any weights that are passed. */
export class HeldOutLoss {
  readonly #sums: HeldOutSums

  private constructor(sums: HeldOutSums) {
    this.#sums = sums
  }

  /** `quantized` as {@link HeldOutSums.create} takes them. */
  static async create(
    engine: Engine,
    architecture: CausalArchitecture,
    shape: WindowShape,
    quantized: QuantizedMatrices = {},
  ): Promise<HeldOutLoss> {
    const sums = nextTokenSums(architecture, shape)
    return new HeldOutLoss(await HeldOutSums.create(engine, architecture.scope, sums, quantized))
  }

  /**
   * Mean cross-entropy in nats over all predictions that the batches' masks count. `weights` are
   * buffers by parameter name; `onBatch` hears of each batch done.
   */
  async mean(
    weights: Readonly<Record<string, DeviceBuffer>>,
    batches: Iterable<MaskedBatch>,
    onBatch?: OnBatch,
  ): Promise<number> {
    return (await this.#sums.means(weights, nextTokenBatches(batches), onBatch)).loss!
  }

  release(): Promise<void> {
    return this.#sums.release()
  }
}

/** The sum of a causal model's losses over a batch of {@link nextTokenBatches}. */
export function nextTokenSums(
  architecture: Pick<CausalArchitecture, 'logits'>,
  { batchSize: B, contextLength: T }: WindowShape,
): { readonly loss: Tensor } {
  const tokens = input('tokens', 'int32', [B, T + 1])
  const mask = input('mask', 'float32', [B, T])
  return { loss: maskedNextTokenLoss(tokens, mask, (ids) => architecture.logits(ids)) }
}

/** Windows as feeds of {@link nextTokenSums}. */
export function* nextTokenBatches(batches: Iterable<MaskedBatch>): Generator<HeldOutBatch> {
  for (const { tokens, mask, predictions } of batches) yield { feeds: { tokens, mask }, predictions }
}

/** Elements of all tensors of a model. */
export function countParameters({ scope }: { readonly scope: Scope }): number {
  return [...scope.parameters.values()].reduce((total, { shape }) => total + sizeOf(shape), 0)
}
