import { ConfigError } from '../errors.ts'
import type { HostTensor } from '../graph/dtype.ts'
import { add, mul } from '../graph/operations/elementwise.ts'
import { linear, type MatrixSides, sidesOfMatrix } from '../graph/operations/matmul.ts'
import { apply, inputName, inputsFirst, type Node, type Tensor } from '../graph/tensor.ts'
import { Scope } from '../nn/parameters.ts'
import { dropout, type RandomKey } from '../nn/random-bits.ts'
import { isInAttention, isInLayer } from './architecture.ts'

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

/** The matrices that a model multiplies by, by parameter name. */
export type Matrices = ReadonlyMap<string, MatrixSides>

/**
 * Low-rank adapters of a model's matrices (Hu et al. 2021, section 4.1): where a graph of the model computes x · Wᵀ of a
 * target, it is to compute
 *
 *     x · Wᵀ + s · (x · Aᵀ) · Bᵀ,  A [r, in], B [out, r]
 *
 * B begins at zero, so that the model begins as it is; A as in PEFT, with variance 1 / (3 · in).
 */
export class LowRankAdapters {
  /** A and B of each target. */
  readonly scope = new Scope()
  readonly #lora: LoraConfig
  /** Places of the targets, which name their dropout. */
  readonly #indices: ReadonlyMap<string, number>
  /** Products that have their share already, in graphs that others are built on. */
  readonly #done = new WeakSet<Node>()

  /** Throws {@link ConfigError} for a rank or a dropout out of range, and for targets that are none of the matrices. */
  constructor(matrices: Matrices, lora: LoraConfig) {
    const { rank, dropout: rate } = lora
    if (!Number.isInteger(rank) || rank < 1)
      throw new ConfigError(`lora: rank is ${rank}, wanted a whole number from 1`)
    if (!(rate >= 0 && rate < 1)) throw new ConfigError(`lora: dropout is ${rate}, wanted 0 up to but not 1`)
    this.#lora = lora
    for (const target of lora.targets) this.#declare(target, matrices.get(target))
    this.#indices = new Map(lora.targets.map((target, i) => [target, i]))
  }

  /** The same tensors of a graph in which each product with a target has its adapters' share added. */
  adapt(plain: readonly Tensor[], key?: RandomKey): Tensor[] {
    const changed = new Map<Node, readonly Tensor[]>()
    const now = ({ node, index }: Tensor) => (changed.get(node) ?? node.outputs)[index] as Tensor
    for (const node of inputsFirst(plain.map((tensor) => tensor.node))) {
      const inputs = node.inputs.map(now)
      const isSame = inputs.every((tensor, i) => tensor === node.inputs[i])
      const target = this.#done.has(node) ? undefined : targetOf(node)
      const outputs = isSame ? node.outputs : apply(node.operation, inputs, node.attributes)
      if (target !== undefined && this.#indices.has(target)) {
        this.#done.add(outputs[0]!.node)
        changed.set(node, [add(outputs[0]!, this.#share(target, inputs[0]!, key))])
      } else if (!isSame) changed.set(node, outputs)
    }
    return plain.map(now)
  }

  #declare(target: string, sides: MatrixSides | undefined): void {
    if (!sides)
      throw new ConfigError(`lora: ${target} is no matrix that the model multiplies by; name a linear layer`, {
        target,
      })
    const { rank } = this.#lora
    const { a, b } = adapterNames(target)
    this.scope.parameter(a, [rank, sides.inputs], { kind: 'normal', deviation: 1 / Math.sqrt(3 * sides.inputs) })
    this.scope.parameter(b, [sides.outputs, rank], { kind: 'zeros' })
  }

  /** s · (x · Aᵀ) · Bᵀ. */
  #share(target: string, x: Tensor, key: RandomKey | undefined): Tensor {
    const { a, b } = adapterNames(target)
    const matrix = (name: string) => this.scope.parameters.get(name)!.tensor
    const { dropout: rate, scale } = this.#lora
    const seen = key ? dropout(x, rate, key.split(`lora${this.#indices.get(target)}`)) : x
    return mul(linear(linear(seen, matrix(a)), matrix(b)), scale)
  }
}

/** The parameter that a node multiplies by. */
function targetOf(node: Node): string | undefined {
  return sidesOfMatrix(node) ? inputName(node.inputs[1]!) : undefined
}

/** The matrices that a graph multiplies by: linear layers, and a table of tokens that is one too. */
export function matricesIn(graph: Tensor): Map<string, MatrixSides> {
  const nodes = [...inputsFirst([graph.node])]
  return new Map(
    nodes.flatMap((node) => {
      const target = targetOf(node)
      return target === undefined ? [] : [[target, sidesOfMatrix(node)!] as const]
    }),
  )
}

/** Which linear layers: those of attention, all inside of layers, or those that end so, as PEFT's `target_modules` (`q_proj`, `mlp.up_proj`). */
export type LoraModules = 'attention' | 'all' | readonly string[]

const groups = { attention: isInAttention, all: isInLayer } as const

/** The matrices that `modules` names. Throws {@link ConfigError} for a name that no linear layer has. */
export function targetsAmong(matrices: Matrices, modules: LoraModules): string[] {
  const all = [...matrices.keys()]
  if (typeof modules === 'string') return all.filter(groups[modules])
  const has = (name: string, module: string) => `.${name}`.endsWith(`.${module}.weight`)
  const unknown = modules.find((module) => !all.some((name) => has(name, module)))
  if (unknown === undefined) return all.filter((name) => modules.some((module) => has(name, module)))
  const known = [...new Set(all.map((name) => name.split('.').at(-2)))].join(', ')
  throw new ConfigError(`lora: no linear layer is called ${unknown}; this model has ${known}`, { module: unknown })
}

/** W + s · B · A in 32 bits. */
export function mergedMatrix(
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
