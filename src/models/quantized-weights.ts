import { z } from 'zod'
import { CheckpointError, ConfigError } from '../errors.ts'
import { float32ToFloat16 } from '../files/half-precision.ts'
import type { TensorReader } from '../files/safetensors-file.ts'
import type { HostTensor } from '../graph/dtype.ts'
import { type BlockFormat, quantizedParts } from '../graph/operation.ts'
import { input, inputName, inputsFirst } from '../graph/tensor.ts'
import type { Parameter } from '../nn/parameters.ts'
import { type CausalArchitecture, isInLayer } from './architecture.ts'
import {
  canQuantize,
  dequantizeMatrix,
  partsOf,
  type QuantizedMatrices,
  type QuantizedMatrix,
  quantizeMatrix,
} from './block-quantization.ts'
import type { Weights } from './weights.ts'

/*
 * A checkpoint in few bits: `config.json` says so in `quantization_config`, and `model.safetensors` holds, for each
 * matrix `w` that is, `w.packed` (U8) and `w.scales` (F16); other parameters are stored as ever.
 */

/**
 * Numbers that share a scale: the first of these that rows divide into. Long blocks are a quarter faster; they lose next to
 * nothing in 8 bits, and half as much again in 4 (docs/log.md).
 */
const blockSizes = [128, 32] as const

const ours = z.object({
  quantization_config: z.object({ quant_method: z.literal('atelier'), block_size: z.literal(blockSizes) }),
})

/** `quantization_config` of a checkpoint in few bits: bits of the layers and the blocks that fit best; shapes say what each matrix has. */
export function quantizationConfig(bits: 4 | 8): Record<string, unknown> {
  return { quant_method: 'atelier', bits, block_size: blockSizes[0] }
}

/** How a matrix of this shape is put in so many bits; undefined where blocks don't divide its rows. */
function formatFor(shape: readonly number[], bits: 4 | 8): BlockFormat | undefined {
  const formats = blockSizes.map((blockSize) => ({ bits, blockSize }))
  return formats.find((format) => canQuantize(shape, format))
}

/** Whether a parsed `config.json` is of a checkpoint in few bits of this form. */
export function isQuantized(config: unknown): boolean {
  return ours.safeParse(config).success
}

/** A model's parameters, some of them in few bits. */
export interface MixedWeights {
  readonly weights: Weights
  readonly quantized: QuantizedMatrices
}

/**
 * Puts the matrices of a model's layers in few bits, and those outside of them, which read and write tokens, in 8: they
 * are few, and 4 would cost half as much loss again (docs/log.md). Parameters that nothing multiplies as x · Wᵀ or
 * looks up, and rows that blocks of 32 do not divide, stay as they are. Throws {@link ConfigError} where no matrix of
 * a layer would change.
 */
export function quantizeWeights(architecture: CausalArchitecture, weights: Weights, bits: 4 | 8): MixedWeights {
  const names = namesToQuantize(architecture)
  if (!names.some(isInLayer))
    throw new ConfigError(
      `quantize: no matrix of this model's layers multiplies as x · Wᵀ in rows of whole blocks of 32; use it as it is`,
    )
  const quantized = names.map((name) => {
    const matrix = weights[name]!
    return [name, quantizeMatrix(matrix, formatFor(matrix.shape, isInLayer(name) ? bits : 8)!)] as const
  })
  const kept = Object.entries(weights).filter(([name]) => !names.includes(name))
  return { weights: Object.fromEntries(kept), quantized: Object.fromEntries(quantized) }
}

/** Parameters that every operation of the model which reads them takes in few bits. */
function namesToQuantize(architecture: CausalArchitecture): string[] {
  const logits = architecture.logits(input('ids', 'int32', [1, 2]))
  const refused = new Set<string>()
  for (const { operation, inputs, attributes } of inputsFirst([logits.node]))
    for (const [index, tensor] of inputs.entries())
      if (!operation.takesFewBits?.(index, attributes)) refused.add(inputName(tensor) ?? '')
  return [...architecture.scope.parameters.values()]
    .filter(({ name, shape }) => formatFor(shape, 8) && !refused.has(name))
    .map(({ name }) => name)
}

/** All parameters as they are computed with, in 32 bits. */
export function denseWeights({ weights, quantized }: MixedWeights): Weights {
  const dense = Object.entries(quantized).map(([name, matrix]) => [name, dequantizeMatrix(matrix)] as const)
  return { ...weights, ...Object.fromEntries(dense) }
}

/** The tensors of a checkpoint in few bits. */
export function mixedTensors({ weights, quantized }: MixedWeights): Record<string, HostTensor> {
  const parts = Object.entries(partsOf(quantized)).map(([name, part]) => {
    const { dtype, shape, data } = part
    return [
      name,
      dtype === 'float32' ? { dtype: 'float16' as const, shape, data: float32ToFloat16(data as Float32Array) } : part,
    ] as const
  })
  return { ...weights, ...Object.fromEntries(parts) }
}

/**
 * The matrices in few bits that a checkpoint holds for `parameters`. Throws {@link CheckpointError}, in one line that
 * names `folder` and the matrix, for parts that are missing, misshapen or not of these types.
 */
export async function readQuantized(
  parameters: Iterable<Parameter>,
  reader: TensorReader,
  folder: string,
): Promise<QuantizedMatrices> {
  const matrices: Record<string, QuantizedMatrix> = {}
  for (const { name, shape } of parameters)
    if (reader.tensors.has(quantizedParts(name).packed)) matrices[name] = await readMatrix(name, shape, reader, folder)
  return matrices
}

async function readMatrix(
  name: string,
  shape: readonly number[],
  reader: TensorReader,
  folder: string,
): Promise<QuantizedMatrix> {
  const { packed: packedName, scales: scalesName } = quantizedParts(name)
  const stored = reader.tensors.get(packedName)!
  const [rows = 0, columns = 0] = shape
  const [, blocks = 0, bytes = 0] = stored.shape
  const blockSize = columns / blocks
  const bits = (bytes * 8) / blockSize
  const sound =
    (bits === 4 || bits === 8) &&
    blockSizes.some((size) => size === blockSize) &&
    stored.dtype === 'U8' &&
    stored.shape.join() === [rows, blocks, bytes].join() &&
    reader.tensors.get(scalesName)?.shape.join() === [rows, blocks].join()
  if (!sound)
    throw new CheckpointError(
      `${folder}: ${packedName} is ${stored.dtype} [${stored.shape}], which with ${scalesName} is no [${shape}] in 4 or 8 bits; quantize the model again`,
      { name },
    )
  const scales = await reader.readFloats(scalesName)
  if (scales.some((scale) => !Number.isFinite(scale)))
    throw new CheckpointError(`${folder}: ${scalesName} holds numbers that are not finite; quantize the model again`, {
      name,
    })
  return {
    format: { bits, blockSize },
    packed: await reader.read(packedName),
    scales: { dtype: 'float32', shape: [rows, blocks], data: scales },
  }
}
