import type { HostTensor } from '../graph/dtype.ts'
import { formatsOf, type QuantizedMatrices, stackedPartsOf } from '../models/block-quantization.ts'
import type { StoredWeights } from '../models/stored-weights.ts'
import type { LoweredProgram, LowerOptions } from '../onnx/lower.ts'
import type { DeviceBuffer, SessionOptions } from '../runtime/engine.ts'

/** Where weights come from: the host's tensors or files, packed once for inference, or a trainer's own buffers, shared. */
export type WeightSource =
  | {
      readonly tensors: Readonly<Record<string, HostTensor>>
      readonly quantized?: QuantizedMatrices
      /** Those that the engine takes from files itself, where it can. */
      readonly stored?: StoredWeights
    }
  | { readonly buffers: Readonly<Record<string, DeviceBuffer>> }

/** How a graph gets its weights: what it is lowered and compiled with, and what is bound to its inputs. */
interface Supply {
  readonly lowering: Pick<LowerOptions, 'initializers' | 'quantized' | 'stored'>
  readonly session: (program: LoweredProgram) => SessionOptions
  readonly inputs: Readonly<Record<string, DeviceBuffer>>
}

/** Supplies a graph that reads the parameters `names`. */
export function supplyOf(names: readonly string[], weights: WeightSource): Supply {
  if ('buffers' in weights) return { lowering: {}, session: () => ({}), inputs: used(weights.buffers, names) }
  const { tensors, quantized = {}, stored } = weights
  const elsewhere = { ...quantized, ...stored?.places }
  const held = names.filter((name) => !(name in elsewhere))
  return {
    lowering: { initializers: names, quantized: formatsOf(quantized), stored: stored?.places ?? {} },
    session: ({ stacks }) => ({
      initializers: { ...used(tensors, held), ...stackedPartsOf(quantized, stacks) },
      ...(stored ? { dataFolder: stored.folder } : {}),
    }),
    inputs: {},
  }
}

/** The values of those names. */
function used<T>(values: Readonly<Record<string, T>>, names: readonly string[]): Record<string, T> {
  return Object.fromEntries(names.map((name) => [name, values[name] as T]))
}
