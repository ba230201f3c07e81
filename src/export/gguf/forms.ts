import { CheckpointError } from '../../errors.ts'
import type { CausalConfig, CausalDimensions } from '../../models/architecture.ts'
import type { RopeScaling } from '../../nn/rotary-tables.ts'
import type { Metadata } from './encode.ts'

/** How llama.cpp is told of one architecture. */
export interface GgufForm {
  /** `general.architecture`: what it is called there, and what its keys begin with. */
  readonly name: string
  /** Its keys, without that beginning. */
  keys(settings: CausalConfig, dimensions: CausalDimensions): Metadata
  /** The name of a parameter there. */
  nameOf(parameter: string): string
  /** How a parameter's rows are rearranged, if they are. */
  rearrange?(parameter: string, dimensions: CausalDimensions): Rearrangement | undefined
}

/** Numbers of a matrix [rows, columns] in another order. */
export interface Rearrangement {
  shapeOf(shape: readonly number[]): readonly number[]
  apply(values: Float32Array, shape: readonly number[]): Float32Array
}

/** W [in, out] as ggml wants it, [out, in]. */
const transposed: Rearrangement = {
  shapeOf: (shape) => shape.toReversed(),
  apply: (values, [rows, columns]) => {
    const result = new Float32Array(values.length)
    for (let r = 0; r < rows!; r++) for (let c = 0; c < columns!; c++) result[c * rows! + r] = values[r * columns! + c]!
    return result
  },
}

/**
 * Rows of queries or keys so that rotary pairs (d, d + D/2) of each head become neighbours (2d, 2d + 1): how llama.cpp
 * rotates Llama, as Meta's own files have it.
 */
function interleaved(heads: number): Rearrangement {
  return {
    shapeOf: (shape) => shape,
    apply: (values, [rows, columns = 1]) => {
      const result = new Float32Array(values.length)
      const half = rows! / heads / 2
      for (let row = 0; row < rows!; row++) {
        const within = row % (2 * half)
        const from = row - within + (within % 2) * half + Math.floor(within / 2)
        result.set(values.subarray(from * columns, (from + 1) * columns), row * columns)
      }
      return result
    },
  }
}

/** Names by the parts that differ: what stands before a block's number, then the parts of a block, then the rest. */
function namer(block: RegExp, parts: Readonly<Record<string, string>>) {
  return (parameter: string): string => {
    const [, layer, inBlock] = block.exec(parameter) ?? []
    const path = inBlock ?? parameter
    const dot = path.lastIndexOf('.')
    const part = parts[path.slice(0, dot)]
    if (part === undefined) throw new CheckpointError(`gguf: there is no name for ${parameter}; export to hf or onnx`)
    return `${layer === undefined ? '' : `blk.${layer}.`}${part}${path.slice(dot)}`
  }
}

const llamaName = namer(/^model\.layers\.(\d+)\.(.+)$/, {
  'model.embed_tokens': 'token_embd',
  'model.norm': 'output_norm',
  lm_head: 'output',
  input_layernorm: 'attn_norm',
  'self_attn.q_proj': 'attn_q',
  'self_attn.k_proj': 'attn_k',
  'self_attn.v_proj': 'attn_v',
  'self_attn.o_proj': 'attn_output',
  'self_attn.q_norm': 'attn_q_norm',
  'self_attn.k_norm': 'attn_k_norm',
  post_attention_layernorm: 'ffn_norm',
  'mlp.gate_proj': 'ffn_gate',
  'mlp.up_proj': 'ffn_up',
  'mlp.down_proj': 'ffn_down',
})

const gpt2Name = namer(/^transformer\.h\.(\d+)\.(.+)$/, {
  'transformer.wte': 'token_embd',
  'transformer.wpe': 'position_embd',
  'transformer.ln_f': 'output_norm',
  lm_head: 'output',
  ln_1: 'attn_norm',
  'attn.c_attn': 'attn_qkv',
  'attn.c_proj': 'attn_output',
  ln_2: 'ffn_norm',
  'mlp.c_fc': 'ffn_up',
  'mlp.c_proj': 'ffn_down',
})

/** Keys that all have. Beyond its window a model would see more there than it has learned with, so that is its context. */
function sharedKeys({ contextLength, dModel, nLayers, dFf, slidingWindow }: CausalConfig, nHeads: number): Metadata {
  return {
    context_length: { uint32: Math.min(contextLength, slidingWindow ?? contextLength) },
    embedding_length: { uint32: dModel },
    block_count: { uint32: nLayers },
    feed_forward_length: { uint32: dFf },
    'attention.head_count': { uint32: nHeads },
  }
}

function llamaKeys(settings: CausalConfig, { nHeads, nKvHeads, dHead }: CausalDimensions): Metadata {
  const { ropeScaling: scaling, ropeTheta, normEpsilon, vocabSize } = settings
  return {
    vocab_size: { uint32: vocabSize },
    ...sharedKeys(settings, nHeads),
    'attention.head_count_kv': { uint32: nKvHeads },
    'attention.key_length': { uint32: dHead },
    'attention.value_length': { uint32: dHead },
    'attention.layer_norm_rms_epsilon': { float32: normEpsilon },
    'rope.dimension_count': { uint32: dHead },
    'rope.freq_base': { float32: ropeTheta },
    ...(scaling?.kind === 'linear'
      ? { 'rope.scaling.type': { string: 'linear' }, 'rope.scaling.factor': { float32: scaling.factor } }
      : {}),
  }
}

const gpt2Form: GgufForm = {
  name: 'gpt2',
  keys: (settings, { nHeads }) => ({
    ...sharedKeys(settings, nHeads),
    'attention.layer_norm_epsilon': { float32: settings.normEpsilon },
  }),
  nameOf: gpt2Name,
  rearrange: (name) => (/\.c_(attn|proj|fc)\.weight$/.test(name) ? transposed : undefined),
}

const llamaForm: GgufForm = {
  name: 'llama',
  keys: llamaKeys,
  nameOf: llamaName,
  rearrange: (name, { nHeads, nKvHeads }) => {
    const [, which] = /\.([qk])_proj\./.exec(name) ?? []
    return which ? interleaved(which === 'q' ? nHeads : nKvHeads) : undefined
  },
}

/** Qwen's rotary pairs lie half a head apart there too. */
const qwenForm = (name: string): GgufForm => ({ name, keys: llamaKeys, nameOf: llamaName })

/** Forms by `model_type`. Mistral is a Llama to llama.cpp. */
export const ggufForms: Readonly<Record<string, GgufForm>> = {
  gpt2: gpt2Form,
  llama: llamaForm,
  mistral: llamaForm,
  qwen2: qwenForm('qwen2'),
  qwen3: qwenForm('qwen3'),
}

/** What each rotary frequency is divided by, [dHead / 2], as llama.cpp takes Llama 3.1's scaling; undefined for others. */
export function rotaryFactors(settings: CausalConfig, dHead: number): Float32Array | undefined {
  const { ropeScaling: scaling, ropeTheta } = settings
  if (scaling?.kind !== 'llama3') return undefined
  return Float32Array.from({ length: dHead / 2 }, (_, d) => slowing(ropeTheta ** ((-2 * d) / dHead), scaling))
}

/** frequency / slowed frequency: see {@link RopeScaling}. */
function slowing(frequency: number, scaling: RopeScaling & { kind: 'llama3' }): number {
  const { factor, lowFrequency, highFrequency, originalContext } = scaling
  const turns = (originalContext * frequency) / (2 * Math.PI)
  const share = Math.min(1, Math.max(0, (turns - lowFrequency) / (highFrequency - lowFrequency)))
  return 1 / ((1 - share) / factor + share)
}
