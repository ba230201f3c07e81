import { CheckpointError } from '../errors.ts'
import type { TensorReader } from '../files/safetensors-file.ts'
import type { HostTensor } from '../graph/dtype.ts'
import type { Parameter, Scope } from '../nn/parameters.ts'

/** Weights by parameter name. */
export type Weights = Readonly<Record<string, HostTensor>>

/**
 * Every parameter of `scope` from a checkpoint, as float32; besides the result, memory holds a few megabytes.
 *
 * Throws {@link CheckpointError}, in one line that names `folder` and the tensor, for parameters that are missing,
 * misshapen, not floats or not finite, and for tensors that nothing asks for, those that match `unneeded` aside.
 */
export async function readWeights(
  scope: Pick<Scope, 'parameters'>,
  reader: TensorReader,
  folder: string,
  unneeded: RegExp,
): Promise<Weights> {
  const names = namesInFile(scope, reader, folder, unneeded)
  return readNamed(scope.parameters.values(), names, reader, folder)
}

/** Parameters by their names in the file. Throws as {@link readWeights} does. */
export async function readNamed(
  parameters: Iterable<Parameter>,
  names: ReadonlyMap<string, string>,
  reader: TensorReader,
  folder: string,
): Promise<Weights> {
  const weights: Record<string, HostTensor> = {}
  for (const { name, shape } of parameters) {
    const data = await reader.readFloats(names.get(name)!)
    checkFinite(data, name, folder)
    weights[name] = { dtype: 'float32', shape, data }
  }
  return weights
}

/** Throws {@link CheckpointError} for a number that is not finite; `begin` elements of the tensor went before. */
export function checkFinite(data: Float32Array, name: string, folder: string, begin = 0): void {
  const at = firstNotFinite(data)
  if (at < 0) return
  throw new CheckpointError(
    `${folder}: ${name} holds ${data[at]} at element ${begin + at}; the model diverged or the file is corrupt: take another checkpoint`,
    { name, element: begin + at },
  )
}

/** The bits of float32's exponent: all set in infinities and NaNs. */
const exponent = 0x7f800000

/** The index of the first number that is not finite, −1 where there is none. */
function firstNotFinite(data: Float32Array): number {
  const bits = new Int32Array(data.buffer, data.byteOffset, data.length)
  for (let i = 0; i < bits.length; i++) if ((bits[i]! & exponent) === exponent) return i
  return -1
}

/** Parameter name → name in the file, of the same shape. Throws as {@link readWeights} does. */
export function namesInFile(
  scope: Pick<Scope, 'parameters'>,
  reader: TensorReader,
  folder: string,
  unneeded: RegExp,
): Map<string, string> {
  const names = storedNames(scope, reader, folder, unneeded)
  checkShapes(scope, reader, names, folder)
  return names
}

/**
 * Parameter name → name in the file. Of tensors that are one, safetensors' own writer keeps one and says in the
 * metadata, by the names of the others, which.
 */
function storedNames(
  scope: Pick<Scope, 'parameters'>,
  { tensors, metadata }: TensorReader,
  folder: string,
  unneeded: RegExp,
): Map<string, string> {
  const names = new Map<string, string>()
  for (const name of scope.parameters.keys()) {
    const found = [...spellings(name), metadata[name] ?? ''].find((candidate) => tensors.has(candidate))
    if (found === undefined)
      throw new CheckpointError(`${folder}: the weights lack ${name}; is the download complete?`, { name })
    names.set(name, found)
  }
  const known = new Set(names.values())
  const extra = [...tensors.keys()].filter((name) => !known.has(name) && !unneeded.test(name))
  if (extra.length === 0) return names
  throw new CheckpointError(
    `${folder}: the weights hold ${extra.length} tensors that config.json does not ask for, such as ${extra[0]}; is it the right config.json?`,
    { extra },
  )
}

function checkShapes(
  { parameters }: Pick<Scope, 'parameters'>,
  { tensors }: TensorReader,
  names: ReadonlyMap<string, string>,
  folder: string,
): void {
  for (const { name, shape } of parameters.values()) {
    const found = tensors.get(names.get(name)!)!.shape
    if (found.join() !== shape.join())
      throw new CheckpointError(
        `${folder}: ${name} is [${found}], config.json wants [${shape}]; do the files belong together?`,
        { name },
      )
  }
}

/** How files spell a name: some lack the outermost prefix (`transformer.`, `model.`), old BERTs have γ and β. */
function spellings(name: string): string[] {
  const bare = name.slice(name.indexOf('.') + 1)
  const old = name.replace(/(LayerNorm\.)weight$/, '$1gamma').replace(/(LayerNorm\.)bias$/, '$1beta')
  return [name, bare, old]
}
