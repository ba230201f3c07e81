import { CheckpointError } from '../errors.ts'
import type { TensorReader } from '../files/safetensors-file.ts'
import type { HostTensor } from '../graph/dtype.ts'
import type { Scope } from '../nn/parameters.ts'

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
  const stored = storedNames(scope, reader, folder, unneeded)
  for (const { name, shape } of scope.parameters.values()) {
    const found = reader.tensors.get(stored.get(name)!)!.shape
    if (found.join() !== shape.join())
      throw new CheckpointError(
        `${folder}: ${name} is [${found}], config.json wants [${shape}]; do the files belong together?`,
        { name },
      )
  }
  const weights: Record<string, HostTensor> = {}
  for (const { name, shape } of scope.parameters.values()) {
    const data = await reader.readFloats(stored.get(name)!)
    const bad = data.findIndex((value) => !Number.isFinite(value))
    if (bad >= 0)
      throw new CheckpointError(
        `${folder}: ${name} holds ${data[bad]} at element ${bad}; the model diverged or the file is corrupt: take another checkpoint`,
        { name, element: bad },
      )
    weights[name] = { dtype: 'float32', shape, data }
  }
  return weights
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

/** How files spell a name: some lack the outermost prefix (`transformer.`, `model.`), old BERTs have γ and β. */
function spellings(name: string): string[] {
  const bare = name.slice(name.indexOf('.') + 1)
  const old = name.replace(/(LayerNorm\.)weight$/, '$1gamma').replace(/(LayerNorm\.)bias$/, '$1beta')
  return [name, bare, old]
}
