import { basename, resolve } from 'node:path'
import { CheckpointError } from '../../errors.ts'
import { writeFileAtomic } from '../../files/atomic-write.ts'
import type { CausalSource } from '../source.ts'
import { encodeGguf, type GgufTensor, type Metadata } from './encode.ts'
import { type GgufForm, ggufForms, rotaryFactors } from './forms.ts'
import { type TensorType, tensorTypes } from './tensor-types.ts'
import { tokenizerMetadata } from './tokenizer.ts'

/** How matrices are stored. */
export type GgufPrecision = keyof typeof tensorTypes

/** llama.cpp's numbers for files that are mostly so (`enum llama_ftype`). */
const fileTypes: Readonly<Record<GgufPrecision, number>> = { f32: 0, f16: 1, q4_0: 2, q8_0: 7 }

/**
 * Writes a decoder as one GGUF file for llama.cpp, atomically. Matrices are of `precision`, or of float16 where their
 * rows do not divide into blocks of 32; norms, biases and tables of positions stay float32. In a file of 4 bits the
 * matrix that gives logits has 8, as errors there cost most. Throws {@link CheckpointError} for an architecture or a
 * tokenizer that llama.cpp has not.
 */
export async function writeGguf(source: CausalSource, path: string, precision: GgufPrecision): Promise<void> {
  const { row, settings, architecture, tokenizer } = source
  const form = ggufForms[row.modelType]
  if (!form) throw new CheckpointError(`gguf: ${row.title} has no form here; export to hf or onnx`, { model: row.name })
  const { dimensions } = architecture
  const keys = Object.entries(form.keys(settings, dimensions))
  const metadata: Metadata = {
    'general.architecture': { string: form.name },
    'general.type': { string: 'model' },
    'general.name': { string: basename(resolve(source.folder)) },
    'general.file_type': { uint32: fileTypes[precision] },
    'general.quantization_version': { uint32: 2 },
    ...Object.fromEntries(keys.map(([key, value]) => [`${form.name}.${key}`, value])),
    ...tokenizerMetadata(tokenizer, dimensions.vocabSize),
  }
  await writeFileAtomic(path, encodeGguf(metadata, tensorsOf(source, form, precision)), CheckpointError)
}

function tensorsOf({ settings, architecture, weights }: CausalSource, form: GgufForm, precision: GgufPrecision) {
  const { dimensions } = architecture
  const output = settings.tieEmbeddings ? 'token_embd.weight' : 'output.weight'
  const tensors = Object.entries(weights).map(([parameter, { shape: given, data }]): GgufTensor => {
    const name = form.nameOf(parameter)
    const rearrangement = form.rearrange?.(parameter, dimensions)
    const shape = rearrangement?.shapeOf(given) ?? given
    const asked = name === output && precision === 'q4_0' ? 'q8_0' : precision
    const values = data as Float32Array
    return {
      name,
      shape,
      type: typeFor(name, shape, tensorTypes[asked]),
      read: () => rearrangement?.apply(values, given) ?? values,
    }
  })
  const factors = rotaryFactors(settings, dimensions.dHead)
  if (!factors) return tensors
  return [
    ...tensors,
    { name: 'rope_freqs.weight', shape: [factors.length], type: tensorTypes.f32, read: () => factors },
  ]
}

function typeFor(name: string, shape: readonly number[], asked: TensorType): TensorType {
  if (shape.length < 2 || name === 'position_embd.weight') return tensorTypes.f32
  return shape.at(-1)! % asked.blockSize === 0 ? asked : tensorTypes.f16
}
