import { sizeOf } from '../graph/dtype.ts'
import { isInLayer } from '../models/architecture.ts'
import type { Architectures } from '../models/lora.ts'
import type { Family } from '../models/registry.ts'
import type { Parameter, Scope } from '../nn/parameters.ts'
import type { RunRecord } from './run.ts'
import { resolveTextSettings } from './settings.ts'
import { optimizerOf } from './text-run.ts'

/** Parameters of one part of a model. */
export interface PartCount {
  readonly part: 'embeddings' | 'layers' | 'encoder layers' | 'decoder layers' | 'output' | 'norms' | 'adapters'
  readonly parameters: number
}

/** Numbers of parameters. A table that serves as output layer too is counted once, as an embedding. */
export interface ParameterCounts {
  readonly total: number
  /** Tables of tokens and, where they are learned, of positions, distances and segments. */
  readonly embedding: number
  /** Of one layer; of the decoder's, where there is an encoder too. */
  readonly perLayer: number
  /** Of the matrix that gives logits, `dModel · vocabSize`, shared with an embedding or not. */
  readonly output: number
  /** All of them. `norms` are those outside of layers; `output` is what follows the last layer and is not shared. */
  readonly parts: readonly PartCount[]
}

/** Floating-point operations a token, at full context. */
export interface FlopsPerToken {
  /** To write a token, or to say what stands at a place. */
  readonly forward: number
  /** To read a token of the source, where there is one. */
  readonly reading?: number
  /** To learn from a token; from one of the source and one of the target, where there are both. */
  readonly training: number
}

/** Bytes that a model takes. */
export interface MemoryNeeds {
  /** All parameters in each precision; 8 and 4 bits with a scale in 16 bits for each block of 32. */
  readonly weights: Readonly<Record<'float32' | 'float16' | 'bits8' | 'bits4', number>>
  /** Keys and values of one token of one sequence, float32: `2 · nLayers · nKvHeads · dHead · 4`; nothing to fill gaps. */
  readonly cachePerToken?: number
  /** Of a source of as many tokens too, where there is one. */
  readonly cacheAtFullContext?: number
  /** Weights, optimizer state and moving average in training, float32: what a checkpoint holds; AdamW's without a run. */
  readonly trainingState: number
}

/** A model of any family. */
export type AnyArchitecture = Architectures[Family]

/** Counts the parameters of a model, and of adapters beside it. */
export function countOf({ scope, dimensions }: AnyArchitecture, adapters?: Scope): ParameterCounts {
  const sums = new Map<PartCount['part'], number>()
  const count = (part: PartCount['part'], { shape }: Parameter) => sums.set(part, (sums.get(part) ?? 0) + sizeOf(shape))
  for (const parameter of scope.parameters.values()) count(partOf(parameter), parameter)
  for (const parameter of adapters?.parameters.values() ?? []) count('adapters', parameter)
  const parts = [...sums].map(([part, parameters]) => ({ part, parameters }))
  return {
    total: parts.reduce((sum, { parameters }) => sum + parameters, 0),
    embedding: sums.get('embeddings') ?? 0,
    perLayer: (sums.get('decoder layers') ?? sums.get('layers') ?? 0) / dimensions.nLayers,
    output: dimensions.vocabSize * dimensions.dModel,
    parts,
  }
}

function partOf({ name, shape }: Parameter): PartCount['part'] {
  if (isInLayer(name))
    return /^(encoder|decoder)\./.test(name) ? (`${name.slice(0, 7)} layers` as PartCount['part']) : 'layers'
  if (/^(lm_head|cls|vocab_\w+)\./.test(name)) return 'output'
  return shape.length === 2 ? 'embeddings' : 'norms'
}

/** A family's formulas. */
interface Costs<Dimensions> {
  flops(dimensions: Dimensions, counts: ParameterCounts): FlopsPerToken
  /** Keys and values of a token, and of all that are held at full context. */
  cache(dimensions: Dimensions): Pick<MemoryNeeds, 'cachePerToken' | 'cacheAtFullContext'>
}

/*
 * Each weight that multiplies costs a multiplication and an addition a token; attention's two products cost
 * 4 · nHeads · dHead operations for each position seen: all of the context, or half of it on average where attention is
 * causal (Kaplan et al. 2020, section 2.1, which leaves the output layer out); the backward pass costs twice the forward.
 */
const costs: { readonly [F in Family]: Costs<Architectures[F]['dimensions']> } = {
  /** forward = 2 · (nLayers · perLayer + output) + 2 · nLayers · contextLength · nHeads · dHead */
  causal: {
    flops: ({ nLayers, contextLength, nHeads, dHead }, { perLayer, output }) => {
      const forward = 2 * (nLayers * perLayer + output) + 2 * nLayers * contextLength * nHeads * dHead
      return { forward, training: 3 * forward }
    },
    cache: ({ nLayers, nKvHeads, dHead, contextLength }) => {
      const cachePerToken = 2 * nLayers * nKvHeads * dHead * 4
      return { cachePerToken, cacheAtFullContext: cachePerToken * contextLength }
    },
  },
  /** forward = 2 · (nLayers · perLayer + dModel² + output) + 4 · nLayers · contextLength · nHeads · dHead */
  masked: {
    flops: ({ nLayers, contextLength, nHeads, dHead, dModel }, { perLayer, output }) => {
      const forward = 2 * (nLayers * perLayer + dModel ** 2 + output) + 4 * nLayers * contextLength * nHeads * dHead
      return { forward, training: 3 * forward }
    },
    cache: () => ({}),
  },
  /**
   * Keys and values of the source, c = 2 · nLayers · dModel · nHeads · dHead weights, are read with it:
   * forward = 2 · (nLayers · perLayer − c + output) + 6 · nLayers · contextLength · nHeads · dHead,
   * reading = 2 · (encoder + c) + 4 · nEncoderLayers · contextLength · nHeads · dHead
   */
  sequenceToSequence: {
    flops: ({ nLayers, nEncoderLayers, contextLength, nHeads, dHead, dModel }, { perLayer, output, parts }) => {
      const ofSource = 2 * nLayers * dModel * nHeads * dHead
      const encoder = parts.find(({ part }) => part === 'encoder layers')?.parameters ?? 0
      const seen = contextLength * nHeads * dHead
      const forward = 2 * (nLayers * perLayer - ofSource + output) + 6 * nLayers * seen
      const reading = 2 * (encoder + ofSource) + 4 * nEncoderLayers * seen
      return { forward, reading, training: 3 * (forward + reading) }
    },
    cache: ({ nLayers, nKvHeads, dHead, contextLength }) => {
      const cachePerToken = 2 * nLayers * nKvHeads * dHead * 4
      return { cachePerToken, cacheAtFullContext: 2 * cachePerToken * contextLength }
    },
  },
}

/** What a model takes to compute and to hold, with adapters that alone are trained, and as a run trains it. */
export function costsOf(
  family: Family,
  architecture: AnyArchitecture,
  counts: ParameterCounts,
  { adapters, record }: { readonly adapters?: Scope | undefined; readonly record?: RunRecord | undefined },
): { readonly flopsPerToken: FlopsPerToken; readonly memory: MemoryNeeds } {
  const { flops, cache } = costs[family] as Costs<AnyArchitecture['dimensions']>
  const { total } = counts
  return {
    flopsPerToken: flops(architecture.dimensions, counts),
    memory: {
      weights: { float32: 4 * total, float16: 2 * total, bits8: (1 + 1 / 16) * total, bits4: (1 / 2 + 1 / 16) * total },
      ...cache(architecture.dimensions),
      trainingState: trainingStateOf(adapters ?? architecture.scope, record),
    },
  }
}

const adamWSlots = ['moment1', 'moment2']

function trainingStateOf({ parameters }: Scope, record?: RunRecord): number {
  const settings = record && resolveTextSettings(record.preset, record.settings)
  const slotsOf = settings ? optimizerOf(settings).slots : () => adamWSlots
  const copies = 1 + ((settings?.emaDecay ?? 0) > 0 ? 1 : 0)
  return [...parameters.values()].reduce(
    (sum, parameter) => sum + 4 * sizeOf(parameter.shape) * (copies + slotsOf(parameter).length),
    0,
  )
}
