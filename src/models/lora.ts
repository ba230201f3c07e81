import type { HostTensor } from '../graph/dtype.ts'
import { input, type Tensor } from '../graph/tensor.ts'
import { Scope } from '../nn/parameters.ts'
import type { RandomKey } from '../nn/random-bits.ts'
import type { CausalArchitecture, CausalDimensions, DecodeInput, DecodeOutput, LayerCache } from './architecture.ts'
import {
  adapterNames,
  type LoraConfig,
  LowRankAdapters,
  type Matrices,
  matricesIn,
  mergedMatrix,
  targetsAmong,
} from './low-rank.ts'
import type { MaskedArchitecture, MaskedDimensions, MaskedInput } from './masked-architecture.ts'
import type { Family } from './registry.ts'
import type {
  SequenceDimensions,
  SequenceToSequenceArchitecture,
  SourceCaches,
  SourceInput,
} from './sequence-architecture.ts'
import type { Weights } from './weights.ts'

/** The architectures of each family. */
export interface Architectures {
  readonly causal: CausalArchitecture
  readonly masked: MaskedArchitecture
  readonly sequenceToSequence: SequenceToSequenceArchitecture
}

/** What models with low-rank adapters have in common; their scope holds the base's parameters, then the adapters'. */
export interface Adapted {
  readonly base: { readonly scope: Scope }
  readonly lora: LoraConfig
  /** The adapters' parameters, A and B of each target, which alone are to be trained. */
  readonly adapters: Scope
  readonly matrices: Matrices
  /** PEFT's `task_type`. */
  readonly peftTask: string | null
}

/** A model that continues texts with {@link LowRankAdapters}. */
export class LoraModel implements CausalArchitecture, Adapted {
  readonly peftTask = 'CAUSAL_LM'
  readonly scope: Scope
  readonly dimensions: CausalDimensions
  readonly config: Readonly<Record<string, unknown>>
  readonly base: CausalArchitecture
  readonly lora: LoraConfig
  readonly adapters: Scope
  readonly matrices: Matrices
  readonly #lowRank: LowRankAdapters

  /** Throws what {@link LowRankAdapters} throws. */
  constructor(base: CausalArchitecture, lora: LoraConfig) {
    this.base = base
    this.lora = lora
    this.dimensions = base.dimensions
    this.config = base.config
    this.matrices = matricesOf('causal', base)
    this.#lowRank = new LowRankAdapters(this.matrices, lora)
    this.adapters = this.#lowRank.scope
    this.scope = joined(base.scope, this.adapters)
  }

  logits(ids: Tensor, key?: RandomKey): Tensor {
    return this.#lowRank.adapt([this.base.logits(ids, key)], key)[0]!
  }

  decode(input: DecodeInput): DecodeOutput {
    return adaptedOutput(this.#lowRank, this.base.decode(input))
  }
}

/** A model that fills gaps with {@link LowRankAdapters}. */
class LoraMaskedModel implements MaskedArchitecture, Adapted {
  readonly peftTask = null
  readonly outputBias: string
  readonly scope: Scope
  readonly dimensions: MaskedDimensions
  readonly config: Readonly<Record<string, unknown>>
  readonly base: MaskedArchitecture
  readonly lora: LoraConfig
  readonly adapters: Scope
  readonly matrices: Matrices
  readonly #lowRank: LowRankAdapters

  constructor(base: MaskedArchitecture, lora: LoraConfig) {
    this.base = base
    this.lora = lora
    this.dimensions = base.dimensions
    this.config = base.config
    this.outputBias = base.outputBias
    this.matrices = matricesOf('masked', base)
    this.#lowRank = new LowRankAdapters(this.matrices, lora)
    this.adapters = this.#lowRank.scope
    this.scope = joined(base.scope, this.adapters)
  }

  states(input: MaskedInput, key?: RandomKey): Tensor {
    return this.#lowRank.adapt([this.base.states(input, key)], key)[0]!
  }

  logits(input: MaskedInput, key?: RandomKey): Tensor {
    return this.#lowRank.adapt([this.base.logits(input, key)], key)[0]!
  }
}

/** A model that reads one text and writes another with {@link LowRankAdapters}. */
class LoraSequenceModel implements SequenceToSequenceArchitecture, Adapted {
  readonly peftTask = 'SEQ_2_SEQ_LM'
  readonly scope: Scope
  readonly dimensions: SequenceDimensions
  readonly config: Readonly<Record<string, unknown>>
  readonly base: SequenceToSequenceArchitecture
  readonly lora: LoraConfig
  readonly adapters: Scope
  readonly matrices: Matrices
  readonly #lowRank: LowRankAdapters

  constructor(base: SequenceToSequenceArchitecture, lora: LoraConfig) {
    this.base = base
    this.lora = lora
    this.dimensions = base.dimensions
    this.config = base.config
    this.matrices = matricesOf('sequenceToSequence', base)
    this.#lowRank = new LowRankAdapters(this.matrices, lora)
    this.adapters = this.#lowRank.scope
    this.scope = joined(base.scope, this.adapters)
  }

  encode(source: SourceInput, key?: RandomKey): Tensor {
    return this.#lowRank.adapt([this.base.encode(source, key)], key)[0]!
  }

  logits(source: SourceInput, ids: Tensor, key?: RandomKey): Tensor {
    return this.#lowRank.adapt([this.base.logits(source, ids, key)], key)[0]!
  }

  sourceLayers(states: Tensor): LayerCache[] {
    return adaptedCaches(this.#lowRank, this.base.sourceLayers(states))
  }

  decode(input: DecodeInput, source: SourceCaches): DecodeOutput {
    return adaptedOutput(this.#lowRank, this.base.decode(input, source))
  }
}

function joined(base: Scope, adapters: Scope): Scope {
  return new Scope('', new Map([...base.parameters, ...adapters.parameters]))
}

function adaptedOutput(lowRank: LowRankAdapters, { logits, caches }: DecodeOutput): DecodeOutput {
  const plain = [logits, ...caches.flatMap(({ keys, values }) => [keys, values])]
  const [first, ...rest] = lowRank.adapt(plain) as [Tensor, ...Tensor[]]
  return { logits: first, caches: caches.map((_, i) => ({ keys: rest[2 * i]!, values: rest[2 * i + 1]! })) }
}

function adaptedCaches(lowRank: LowRankAdapters, caches: readonly LayerCache[]): LayerCache[] {
  const adapted = lowRank.adapt(caches.flatMap(({ keys, values }) => [keys, values]))
  return caches.map((_, i) => ({ keys: adapted[2 * i]!, values: adapted[2 * i + 1]! }))
}

/** How models of a family are adapted. */
interface AdaptedFamily<Architecture> {
  /** A graph of all that the model computes. */
  graph(architecture: Architecture): Tensor
  adapt(base: Architecture, lora: LoraConfig): Architecture & Adapted
}

const ids = () => input('ids', 'int32', [1, 2])
const mask = () => input('mask', 'int32', [1, 2])

const families: { readonly [F in Family]: AdaptedFamily<Architectures[F]> } = {
  causal: { graph: (model) => model.logits(ids()), adapt: (base, lora) => new LoraModel(base, lora) },
  masked: {
    graph: (model) => model.logits({ ids: ids(), mask: mask() }),
    adapt: (base, lora) => new LoraMaskedModel(base, lora),
  },
  sequenceToSequence: {
    graph: (model) => model.logits({ ids: ids(), mask: mask() }, ids()),
    adapt: (base, lora) => new LoraSequenceModel(base, lora),
  },
}

/** The matrices that a model of a family multiplies by: linear layers, and a table of tokens that is one too. */
export function matricesOf<F extends Family>(family: F, architecture: Architectures[F]): Matrices {
  return matricesIn(families[family].graph(architecture))
}

/** A model of a family with low-rank adapters. Throws what {@link LowRankAdapters} throws. */
export function withAdapters<F extends Family>(
  family: F,
  base: Architectures[F],
  lora: LoraConfig,
): Architectures[F] & Adapted {
  return families[family].adapt(base, lora)
}

/** The model as one with low-rank adapters, if it is. */
export function asAdapted(architecture: object): Adapted | undefined {
  return 'adapters' in architecture ? (architecture as Adapted) : undefined
}

/**
 * The parameters of those of a model's linear layers that `modules` names by their ends, as PEFT's `target_modules`
 * (`q_proj`, `mlp.up_proj`); all inside of its layers where none are named. Throws {@link ConfigError} for a name that
 * no linear layer has.
 */
export function loraTargets(architecture: CausalArchitecture, modules: readonly string[] = []): string[] {
  return targetsAmong(matricesOf('causal', architecture), modules.length === 0 ? 'all' : modules)
}

/** The base's weights with the adapters' share in them, W + s · B · A, in 32 bits: what computes the same without adapters. */
export function mergedWeights({ base, lora, matrices }: Adapted, weights: Weights): Record<string, HostTensor> {
  const merged = Object.fromEntries([...base.scope.parameters.keys()].map((name) => [name, weights[name]!]))
  for (const target of lora.targets) {
    const { a, b } = adapterNames(target)
    merged[target] = mergedMatrix(merged[target]!, weights[a]!, weights[b]!, lora.scale, matrices.get(target)!)
  }
  return merged
}
