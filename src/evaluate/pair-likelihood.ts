import { pairBatch } from '../data/pairs.ts'
import type { Pair } from '../data/span-corruption.ts'
import type { TypedArray } from '../graph/dtype.ts'
import { reshape } from '../graph/operations/shape.ts'
import { input, type Tensor } from '../graph/tensor.ts'
import { tokenSums } from '../losses/token-loss.ts'
import type { CausalArchitecture } from '../models/architecture.ts'
import type { QuantizedMatrices } from '../models/block-quantization.ts'
import type { SequenceToSequenceArchitecture } from '../models/sequence-architecture.ts'
import type { Scope } from '../nn/parameters.ts'
import type { DeviceBuffer, Engine } from '../runtime/engine.ts'
import { HeldOutSums } from '../train/held-out.ts'

/** What a model makes of the target of a pair, its end included. */
export interface PairScore {
  /** ln P(target | source). */
  readonly logProbability: number
  readonly tokens: number
  /** Tokens that it holds likeliest, given the source and the target before them. */
  readonly correct: number
}

/** A family's way to compute {@link PairScore}: a graph for texts of so many ids, and what it is fed. */
export interface PairForm {
  readonly scope: Scope
  /** Widths that a pair is padded to; one graph for each that occur. */
  widths(pair: Pair): readonly number[]
  sums(widths: readonly number[]): ReturnType<typeof tokenSums>
  feeds(pair: Pair, widths: readonly number[]): Readonly<Record<string, TypedArray>>
}

/** Models that read the source and write the target. */
export function readAndWritten(
  architecture: SequenceToSequenceArchitecture,
  ids: { readonly pad: number; readonly start: number },
): PairForm {
  return {
    scope: architecture.scope,
    widths: ({ source, target }) => [widthFor(source.length), widthFor(target.length)],
    sums: ([S = 1, T = 1]) => {
      const source = { ids: input('source', 'int32', [1, S]), mask: input('sourceMask', 'int32', [1, S]) }
      const logits = architecture.logits(source, input('written', 'int32', [1, T]))
      return sumsOf(logits, T, architecture.dimensions.vocabSize)
    },
    feeds: (pair, [sourceLength = 1, targetLength = 1]) => ({
      ...pairBatch([pair], { batchSize: 1, sourceLength, targetLength }, ids),
    }),
  }
}

/** Models that continue the source with the target; both together must fit their context. */
export function continued(architecture: CausalArchitecture): PairForm {
  const { contextLength, vocabSize } = architecture.dimensions
  return {
    scope: architecture.scope,
    widths: ({ source, target }) => [Math.min(contextLength, widthFor(source.length + target.length - 1))],
    sums: ([T = 1]) => sumsOf(architecture.logits(input('written', 'int32', [1, T])), T, vocabSize),
    feeds: ({ source, target }, [T = 1]) => {
      const batch = { written: new Int32Array(T), targets: new Int32Array(T), weights: new Float32Array(T) }
      const first = source.length - 1
      batch.written.set(source)
      batch.written.set(target.subarray(0, -1), source.length)
      batch.targets.set(target, first)
      batch.weights.fill(1, first, first + target.length)
      return batch
    },
  }
}

/** What the model makes of each pair. `weights` are buffers by parameter name; `onDone` hears of pairs done. */
export async function scorePairs(
  engine: Engine,
  form: PairForm,
  model: { readonly weights: Readonly<Record<string, DeviceBuffer>>; readonly quantized: QuantizedMatrices },
  pairs: readonly Pair[],
  onDone: (done: number) => void = () => {},
): Promise<PairScore[]> {
  const graphs = new Map<string, HeldOutSums>()
  const scores: PairScore[] = []
  try {
    for (const pair of pairs) {
      const widths = form.widths(pair)
      const key = widths.join()
      const graph =
        graphs.get(key) ?? (await HeldOutSums.create(engine, form.scope, form.sums(widths), model.quantized))
      graphs.set(key, graph)
      const { loss, correct } = await graph.means(model.weights, [{ feeds: form.feeds(pair, widths), predictions: 1 }])
      scores.push({ logProbability: -loss!, tokens: pair.target.length, correct: correct! })
      onDone(scores.length)
    }
  } finally {
    for (const graph of graphs.values()) await graph.release()
  }
  return scores
}

function sumsOf(logits: Tensor, T: number, vocabSize: number): ReturnType<typeof tokenSums> {
  const targets = { targets: input('targets', 'int32', [T]), weights: input('weights', 'float32', [T]) }
  return tokenSums(reshape(logits, [T, vocabSize]), targets)
}

/** The least of 8, 12, 16, 24, 32, 48, 64, … that is at least `length`: few graphs, little padding. */
function widthFor(length: number): number {
  let width = 8
  while (width < length) width *= 2
  return width > 8 && width * 0.75 >= length ? width * 0.75 : width
}
