import { CheckpointError } from '../../errors.ts'
import { add, cast, mul, sub } from '../../graph/operations/elementwise.ts'
import { max, sum } from '../../graph/operations/reduce.ts'
import { reshape } from '../../graph/operations/shape.ts'
import { input, type Tensor } from '../../graph/tensor.ts'
import type { CausalArchitecture } from '../../models/architecture.ts'
import { lower } from '../../onnx/lower.ts'
import { onnx } from '../../onnx/schema.ts'
import type { CausalSource } from '../source.ts'

/** What one file of protocol buffers holds at most. */
const mostBytes = 2 ** 31 - 2 ** 20

/** What is added to the score of a position that is hidden. */
const hidden = 1e9

/**
 * The decoder as one ONNX model as transformers.js feeds it: int64 `input_ids` and `position_ids` [B, T],
 * `attention_mask` [B, P + T] with 0 for padding, caches `past_key_values.N.key` and `.value` [B, Hkv, P, D], P from 0;
 * gives `logits` [B, 1, vocabSize] after the last id, and `present.N.key` and `.value` [B, Hkv, P + T, D]. Throws
 * {@link CheckpointError} for weights beyond 2 GB.
 */
export function decoderModel({ architecture, weights }: CausalSource): Uint8Array {
  const bytes = Object.values(weights).reduce((total, { data }) => total + data.byteLength, 0)
  if (bytes > mostBytes)
    throw new CheckpointError(`onnx: the weights are ${bytes} bytes, one file holds ${mostBytes}; export to gguf`)
  const program = lower(decoderGraph(architecture), { provider: 'cpu', initializers: Object.keys(weights) })
  const model = onnx.ModelProto.decode(program.bytes)
  const { initializer = [], output = [] } = model.graph ?? {}
  for (const tensor of initializer ?? []) {
    const values = weights[tensor.name ?? '']?.data
    if (!values) continue
    tensor.rawData = new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
    tensor.externalData = []
    tensor.dataLocation = onnx.TensorProto.DataLocation.DEFAULT
  }
  for (const { name, type } of output ?? [])
    if (name?.startsWith('present.')) type!.tensorType!.shape!.dim![2] = { dimParam: 'total_sequence_length' }
  return onnx.ModelProto.encode(model).finish()
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
