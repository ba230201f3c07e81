import { CheckpointError } from '../../errors.ts'
import { float32ToFloat16 } from '../../files/half-precision.ts'
import type { HostTensor } from '../../graph/dtype.ts'
import { add, cast, mul, sub } from '../../graph/operations/elementwise.ts'
import { max, sum } from '../../graph/operations/reduce.ts'
import { reshape } from '../../graph/operations/shape.ts'
import { input, type Tensor } from '../../graph/tensor.ts'
import type { CausalArchitecture } from '../../models/architecture.ts'
import { formatsOf, partsOf } from '../../models/block-quantization.ts'
import { type MixedWeights, quantizeWeights } from '../../models/quantized-weights.ts'
import { lower } from '../../onnx/lower.ts'
import { type Onnx, onnx } from '../../onnx/schema.ts'
import type { CausalSource } from '../source.ts'

/**
 * How weights are stored: floats of 32 or 16 bits, or matrices of whole numbers in 8 or 4, as `atelier quantize` has them.
 * All compute in 32 bits, but products with matrices in few bits round what they multiply to 8.
 */
export type OnnxPrecision = 'f32' | 'f16' | 'q8' | 'q4'

/** What transformers.js looks for, by its `dtype`: fp32, fp16, q8, q4. */
export const onnxFiles: Readonly<Record<OnnxPrecision, string>> = {
  f32: 'model.onnx',
  f16: 'model_fp16.onnx',
  q8: 'model_quantized.onnx',
  q4: 'model_q4.onnx',
}

/** What one file of protocol buffers holds at most. */
const mostBytes = 2 ** 31 - 2 ** 20

/** What is added to the score of a position that is hidden. */
const hidden = 1e9

/**
 * The decoder as one ONNX model as transformers.js feeds it: int64 `input_ids` and `position_ids` [B, T],
 * `attention_mask` [B, P + T] with 0 for padding, caches `past_key_values.N.key` and `.value` [B, Hkv, P, D], P from 0;
 * gives `logits` [B, 1, vocabSize] after the last id, and `present.N.key` and `.value` [B, Hkv, P + T, D]. Throws
 * {@link CheckpointError} for weights beyond 2 GB, {@link ConfigError} where few bits serve no matrix.
 */
export function decoderModel(source: CausalSource, precision: OnnxPrecision): Uint8Array {
  const { weights, quantized } = weightsFor(source, precision)
  const tensors: Record<string, HostTensor> = { ...weights, ...partsOf(quantized) }
  const size = Object.values(tensors).reduce((total, { data }) => total + data.byteLength, 0)
  const bytes = precision === 'f16' ? size / 2 : size
  if (bytes > mostBytes)
    throw new CheckpointError(`onnx: the weights are ${bytes} bytes, one file holds ${mostBytes}; export to gguf`)
  const graph = decoderGraph(source.architecture)
  const initializers = Object.keys(source.weights)
  const program = lower(graph, { provider: 'cpu', initializers, quantized: formatsOf(quantized) })
  const model = onnx.ModelProto.decode(program.bytes)
  const { initializer, output, node } = model.graph!
  for (const tensor of initializer ?? []) {
    const values = tensors[tensor.name ?? '']
    if (!values) continue
    if (precision === 'f16') node!.unshift(inHalves(tensor, values.data as Float32Array))
    else fill(tensor, values.data)
  }
  for (const { name, type } of output ?? [])
    if (name?.startsWith('present.')) type!.tensorType!.shape!.dim![2] = { dimParam: 'total_sequence_length' }
  return onnx.ModelProto.encode(model).finish()
}

function weightsFor({ architecture, weights }: CausalSource, precision: OnnxPrecision): MixedWeights {
  if (precision === 'q8' || precision === 'q4')
    return quantizeWeights(architecture, weights, precision === 'q8' ? 8 : 4)
  return { weights, quantized: {} }
}

/** Puts the numbers into the file itself. */
function fill(tensor: Onnx.ITensorProto, { buffer, byteOffset, byteLength }: HostTensor['data']): void {
  tensor.rawData = new Uint8Array(buffer, byteOffset, byteLength)
  tensor.externalData = []
  tensor.dataLocation = onnx.TensorProto.DataLocation.DEFAULT
}

/** Stores a tensor's numbers in 16 bits, under another name; gives the node that makes 32 of them, once at loading. */
function inHalves(tensor: Onnx.ITensorProto, values: Float32Array): Onnx.INodeProto {
  const name = tensor.name!
  fill(tensor, float32ToFloat16(values))
  tensor.name = `${name}.half`
  tensor.dataType = onnx.TensorProto.DataType.FLOAT16
  const { FLOAT: i } = onnx.TensorProto.DataType
  const to = onnx.AttributeProto.create({ name: 'to', type: onnx.AttributeProto.AttributeType.INT, i })
  return onnx.NodeProto.create({ opType: 'Cast', input: [tensor.name], output: [name], attribute: [to] })
}

/** Dimensions have the names that transformers.js knows: by `batch_size` it makes the first, empty caches. */
function decoderGraph(architecture: CausalArchitecture): Record<string, Tensor> {
  const { nLayers, nKvHeads, dHead } = architecture.dimensions
  const ids = input('input_ids', 'int64', ['batch_size', 'sequence_length'])
  const mask = cast(input('attention_mask', 'int64', ['batch_size', 'total_sequence_length']), 'float32')
  const past = (layer: number, what: string) =>
    input(`past_key_values.${layer}.${what}`, 'float32', ['batch_size', nKvHeads, 'past_sequence_length', dHead])
  // No shape says how long the mask is before it runs: so its ones and zeros, made ones, are counted.
  const lengths = sum(add(mul(mask, 0), 1), { axes: [1] })
  const { logits, caches } = architecture.decode({
    ids: cast(ids, 'int32'),
    positions: cast(input('position_ids', 'int64', ['batch_size', 'sequence_length']), 'int32'),
    lastPosition: cast(sub(lengths, 1), 'int32'),
    total: cast(max(lengths, { axes: [0] }), 'int32'),
    bias: biasOf(mask, ids),
    caches: Array.from({ length: nLayers }, (_, i) => ({ keys: past(i, 'key'), values: past(i, 'value') })),
  })
  const present = caches.flatMap(({ keys, values }, i) => [
    [`present.${i}.key`, keys] as const,
    [`present.${i}.value`, values] as const,
  ])
  return { logits, ...Object.fromEntries(present) }
}

/** 0 where the mask has 1, −10⁹ where it has 0, for each of the new ids: [B, 1, T, P + T]. */
function biasOf(mask: Tensor, ids: Tensor): Tensor {
  const columns = reshape(mul(sub(mask, 1), hidden), ['batch_size', 1, 1, 'total_sequence_length'])
  const rows = reshape(mul(cast(ids, 'float32'), 0), ['batch_size', 1, 'sequence_length', 1])
  return add(columns, rows)
}
