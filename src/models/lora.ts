import { ConfigError } from '../errors.ts'
import type { HostTensor } from '../graph/dtype.ts'
import { add, mul } from '../graph/operations/elementwise.ts'
import { linear, type MatrixSides, sidesOfMatrix } from '../graph/operations/matmul.ts'
import { apply, input, inputName, inputsFirst, type Node, type Tensor } from '../graph/tensor.ts'
import { Scope } from '../nn/parameters.ts'
import { dropout, type RandomKey } from '../nn/random-bits.ts'
import {
  type CausalArchitecture,
  type CausalDimensions,
  type DecodeInput,
  type DecodeOutput,
  isInLayer,
} from './architecture.ts'
import type { Weights } from './weights.ts'

/** How matrices of a model are adapted, and which. */
export interface LoraConfig {
  /** r: rows of A, columns of B. */
  readonly rank: number
  /** s: what the adapters' share is multiplied by; PEFT's `lora_alpha / r`. */
  readonly scale: number
  /** Share of the elements of x that training drops on their way to A. */
  readonly dropout: number
  /** Names of the parameters that are adapted, such as `model.layers.0.self_attn.q_proj.weight`. */
  readonly targets: readonly string[]
}

/** The adapter's matrices beside a parameter `…weight`, by PEFT's names. */
export function adapterNames(target: string): { readonly a: string; readonly b: string } {
  const module = `base_model.model.${target.replace(/\.weight$/, '')}`
  return { a: `${module}.lora_A.weight`, b: `${module}.lora_B.weight` }
}

/**
 * A model with low-rank adapters (Hu et al. 2021, section 4.1): where it computes x · Wᵀ of a target, it computes
 *
 *     x · Wᵀ + s · (x · Aᵀ) · Bᵀ,  A [r, in], B [out, r]
 *
 * B begins at zero, so that it begins as the model that it adapts; A as in PEFT, with variance 1 / (3 · in). Its scope
 * holds the base's parameters, then the adapters', which alone are to be trained.
 */
export class LoraModel implements CausalArchitecture {
  readonly scope: Scope
  readonly dimensions: CausalDimensions
  readonly config: Readonly<Record<string, unknown>>
  readonly base: CausalArchitecture
  readonly lora: LoraConfig
  /** The adapters' parameters: A and B of each target. */
  readonly adapters: Scope
  /** Places of the targets, which name their dropout. */
  readonly #indices: ReadonlyMap<string, number>

  /** Throws {@link ConfigError} for a rank or a dropout out of range, and for targets that are no matrices of the base. */
  constructor(base: CausalArchitecture, lora: LoraConfig) {
    const { rank, dropout: rate } = lora
    if (!Number.isInteger(rank) || rank < 1)
      throw new ConfigError(`lora: rank is ${rank}, wanted a whole number from 1`)
    if (!(rate >= 0 && rate < 1)) throw new ConfigError(`lora: dropout is ${rate}, wanted 0 up to but not 1`)
    this.base = base
    this.lora = lora
    this.dimensions = base.dimensions
    this.config = base.config
    this.adapters = new Scope()
    const matrices = matricesOf(base)
    for (const target of lora.targets) this.#declare(target, matrices.get(target))
    this.#indices = new Map(lora.targets.map((target, i) => [target, i]))
    this.scope = new Scope('', new Map([...base.scope.parameters, ...this.adapters.parameters]))
  }

  logits(ids: Tensor, key?: RandomKey): Tensor {
    return this.#adapt([this.base.logits(ids, key)], key)[0]!
  }

  decode(input: DecodeInput): DecodeOutput {
    const { logits, caches } = this.base.decode(input)
    const plain = [logits, ...caches.flatMap(({ keys, values }) => [keys, values])]
    const [first, ...rest] = this.#adapt(plain) as [Tensor, ...Tensor[]]
    return { logits: first, caches: caches.map((_, i) => ({ keys: rest[2 * i]!, values: rest[2 * i + 1]! })) }
  }

  #declare(target: string, sides: MatrixSides | undefined): void {
    if (!sides)
      throw new ConfigError(`lora: ${target} is no matrix that the model multiplies by; name a linear layer`, {
        target,
      })
    const { rank } = this.lora
    const { a, b } = adapterNames(target)
    this.adapters.parameter(a, [rank, sides.inputs], { kind: 'normal', deviation: 1 / Math.sqrt(3 * sides.inputs) })
    this.adapters.parameter(b, [sides.outputs, rank], { kind: 'zeros' })
  }

  /** The same tensors of a graph in which each product with a target has its adapters' share added. */
  #adapt(plain: readonly Tensor[], key?: RandomKey): Tensor[] {
    const changed = new Map<Node, readonly Tensor[]>()
    const now = ({ node, index }: Tensor) => (changed.get(node) ?? node.outputs)[index] as Tensor
    for (const node of inputsFirst(plain.map((tensor) => tensor.node))) {
      const inputs = node.inputs.map(now)
      const isSame = inputs.every((tensor, i) => tensor === node.inputs[i])
      const target = targetOf(node)
      const outputs = isSame ? node.outputs : apply(node.operation, inputs, node.attributes)
      if (target !== undefined && this.#indices.has(target))
        changed.set(node, [add(outputs[0]!, this.#share(target, inputs[0]!, key))])
      else if (!isSame) changed.set(node, outputs)
    }
    return plain.map(now)
  }

  /** s · (x · Aᵀ) · Bᵀ. */
  #share(target: string, x: Tensor, key: RandomKey | undefined): Tensor {
    const { a, b } = adapterNames(target)
    const matrix = (name: string) => this.adapters.parameters.get(name)!.tensor
    const { dropout: rate, scale } = this.lora
    const seen = key ? dropout(x, rate, key.split(`lora${this.#indices.get(target)}`)) : x
    return mul(linear(linear(seen, matrix(a)), matrix(b)), scale)
  }
}

/** The parameter that a node multiplies by. */
function targetOf(node: Node): string | undefined {
  return sidesOfMatrix(node) ? inputName(node.inputs[1]!) : undefined
}

/** The matrices that a model multiplies by, by parameter name: linear layers, and a table of tokens that is one too. */
export function matricesOf(architecture: CausalArchitecture): Map<string, MatrixSides> {
  const nodes = [...inputsFirst([architecture.logits(input('ids', 'int32', [1, 2])).node])]
  return new Map(
    nodes.flatMap((node) => {
      const target = targetOf(node)
      return target === undefined ? [] : [[target, sidesOfMatrix(node)!] as const]
    }),
  )
}

/**
 * The parameters of those of a model's linear layers that `modules` names by their ends, as PEFT's `target_modules`
 * (`q_proj`, `mlp.up_proj`); all inside of its layers where none are named. Throws {@link ConfigError} for a name that
 * no linear layer has.
 */
export function loraTargets(architecture: CausalArchitecture, modules: readonly string[] = []): string[] {
  const all = [...matricesOf(architecture).keys()]
  if (modules.length === 0) return all.filter(isInLayer)
  const has = (name: string, module: string) => `.${name}`.endsWith(`.${module}.weight`)
  const unknown = modules.find((module) => !all.some((name) => has(name, module)))
  if (unknown === undefined) return all.filter((name) => modules.some((module) => has(name, module)))
  const known = [...new Set(all.map((name) => name.split('.').at(-2)))].join(', ')
  throw new ConfigError(`lora: no linear layer is called ${unknown}; this model has ${known}`, { module: unknown })
}

/** The base's weights with the adapters' share in them, W + s · B · A, in 32 bits: what computes the same without adapters. */
export function mergedWeights({ base, lora }: LoraModel, weights: Weights): Record<string, HostTensor> {
  const merged = Object.fromEntries([...base.scope.parameters.keys()].map((name) => [name, weights[name]!]))
  const sides = matricesOf(base)
  for (const target of lora.targets) {
    const { a, b } = adapterNames(target)
    merged[target] = mergedMatrix(merged[target]!, weights[a]!, weights[b]!, lora.scale, sides.get(target)!)
  }
  return merged
}

function mergedMatrix(
  w: HostTensor,
  a: HostTensor,
  b: HostTensor,
  scale: number,
  { inputs, outputs, transposed }: MatrixSides,
): HostTensor {
  const rank = a.shape[0]!
  const [from, down, up] = [w.data, a.data, b.data] as Float32Array[] as [Float32Array, Float32Array, Float32Array]
  const data = new Float32Array(from.length)
  const row = new Float64Array(inputs)
  for (let o = 0; o < outputs; o++) {
    row.fill(0)
    for (let r = 0; r < rank; r++) {
      const factor = scale * up[o * rank + r]!
      for (let i = 0; i < inputs; i++) row[i]! += factor * down[r * inputs + i]!
    }
    for (let i = 0; i < inputs; i++) {
      const at = transposed ? o * inputs + i : i * outputs + o
      data[at] = from[at]! + row[i]!
    }
  }
  return { ...w, data }
}
