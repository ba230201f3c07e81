import { ConfigError } from '../errors.ts'
import { type HostTensor, sizeOf } from '../graph/dtype.ts'
import { input, type Tensor } from '../graph/tensor.ts'
import type { Random } from '../random/random.ts'

/** Elements of a matrix by row and column. */
export type Matrix = (row: number, column: number) => number

/** How a parameter begins. `normal` has mean 0, or that of a matrix whose elements differ in it. */
export type Initializer =
  | { readonly kind: 'normal'; readonly deviation: number; readonly mean?: Matrix }
  | { readonly kind: 'zeros' | 'ones' }
  | { readonly kind: 'constant'; readonly value: number }

/** A learned tensor: its place in the graph and how it begins. */
export interface Parameter {
  readonly name: string
  /** The placeholder, fed under `name`; float32. */
  readonly tensor: Tensor
  readonly shape: readonly number[]
  readonly initializer: Initializer
  /** False for a statistic, which training measures and no gradient moves. */
  readonly trained?: false
}

/**
 * A place in the tree of names under which a model declares its parameters, as `model.layers.0.mlp`.
 *
 * All scopes of one tree share their parameters; names are those of the checkpoint that holds them.
 */
export class Scope {
  readonly path: string
  /** All parameters of the tree, in order of declaration. */
  readonly parameters: Map<string, Parameter>

  constructor(path = '', parameters: Map<string, Parameter> = new Map()) {
    this.path = path
    this.parameters = parameters
  }

  /** The scope below this one with the given name. */
  child(name: string | number): Scope {
    return new Scope(this.#join(String(name)), this.parameters)
  }

  /** Declares a float32 parameter. Throws {@link ConfigError} for a name that is taken. */
  parameter(name: string, shape: readonly number[], initializer: Initializer): Tensor {
    return this.#declare(name, { shape, initializer })
  }

  /** Declares a float32 tensor that is saved with the parameters, but measured, not learned. */
  statistic(name: string, shape: readonly number[], initializer: Initializer): Tensor {
    return this.#declare(name, { shape, initializer, trained: false })
  }

  #declare(name: string, rest: Omit<Parameter, 'name' | 'tensor'>): Tensor {
    const full = this.#join(name)
    if (this.parameters.has(full))
      throw new ConfigError(`parameter: ${full} is declared twice; rename one`, { name: full })
    const tensor = input(full, 'float32', rest.shape)
    this.parameters.set(full, { name: full, tensor, ...rest })
    return tensor
  }

  #join(name: string): string {
    return this.path === '' ? name : `${this.path}.${name}`
  }
}

/** Initial values of a parameter: a function of the random stream's seed and the parameter's name alone. */
export function initialize({ name, shape, initializer }: Parameter, random: Random): HostTensor {
  const data = new Float32Array(sizeOf(shape))
  if (initializer.kind === 'normal') random.split(name).fillGaussian(data, initializer.deviation)
  if (initializer.kind !== 'normal') data.fill(startOf(initializer))
  addMean(data, shape, initializer)
  return { dtype: 'float32', shape, data }
}

/** What all elements begin with, where they begin alike. */
function startOf(initializer: Exclude<Initializer, { readonly kind: 'normal' }>): number {
  if (initializer.kind === 'constant') return initializer.value
  return initializer.kind === 'ones' ? 1 : 0
}

function addMean(data: Float32Array, [, columns = 1]: readonly number[], initializer: Initializer): void {
  if (initializer.kind !== 'normal' || !initializer.mean) return
  for (let i = 0; i < data.length; i++) data[i]! += initializer.mean(Math.floor(i / columns), i % columns)
}

/** Elements drawn between two turns of the event loop; even, for they are drawn in pairs. */
const pieceLength = 1 << 16

/** {@link initialize} of all parameters, with a turn for the event loop between pieces: the same values, by name. */
export async function initializeAll(parameters: Iterable<Parameter>, random: Random): Promise<Map<string, HostTensor>> {
  const values = new Map<string, HostTensor>()
  for (const { name, shape, initializer } of parameters) {
    const data = new Float32Array(sizeOf(shape))
    const stream = random.split(name)
    for (let begin = 0; begin < data.length; begin += pieceLength) {
      const piece = data.subarray(begin, begin + pieceLength)
      if (initializer.kind === 'normal') stream.fillGaussian(piece, initializer.deviation)
      if (initializer.kind !== 'normal') piece.fill(startOf(initializer))
      if (piece.length === pieceLength) await new Promise((resolve) => setTimeout(resolve))
    }
    addMean(data, shape, initializer)
    values.set(name, { dtype: 'float32', shape, data })
  }
  return values
}
