import type { Operation } from '../operation.ts'
import { literal, placeholder } from '../tensor.ts'
import { attentionRows } from './attention.ts'
import { cachedAttentionRows } from './cached-attention.ts'
import { compareRows } from './compare.ts'
import { convolutionRows } from './convolution.ts'
import { elementwiseRows } from './elementwise.ts'
import { indexingRows } from './indexing.ts'
import { lossRows } from './loss.ts'
import { matmulRows } from './matmul.ts'
import { normalizationRows } from './normalization.ts'
import { reduceRows } from './reduce.ts'
import { resamplingRows } from './resampling.ts'
import { rotaryRows } from './rotary.ts'
import { shapeRows } from './shape.ts'

/** The table of operations, by name: every row with its shape rule, gradient rule and lowering. */
export const operations: ReadonlyMap<string, Operation<never>> = new Map(
  [
    placeholder,
    literal,
    ...elementwiseRows,
    ...compareRows,
    ...reduceRows,
    ...shapeRows,
    ...matmulRows,
    ...convolutionRows,
    ...resamplingRows,
    ...indexingRows,
    ...normalizationRows,
    ...lossRows,
    ...attentionRows,
    ...rotaryRows,
    ...cachedAttentionRows,
  ].map((row) => [row.name, row as unknown as Operation<never>]),
)
