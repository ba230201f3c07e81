import { stat } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { CheckpointError } from '../errors.ts'
import { type FilePlace, type TensorReader, versionOf } from '../files/safetensors-file.ts'
import type { Scope } from '../nn/parameters.ts'
import { checkFinite, namesInFile, readNamed, type Weights } from './weights.ts'

/** Weights that stay in files, all of one folder, for an engine that maps them. */
export interface StoredWeights {
  readonly folder: string
  /** Where each lies, by parameter name: float32, files by their names in the folder. */
  readonly places: Readonly<Record<string, FilePlace>>
}

/**
 * {@link readWeights}, but large parameters that the files hold in float32 stay there, once they have been seen to be
 * finite.
 */
export async function readAndLeaveWeights(
  scope: Pick<Scope, 'parameters'>,
  reader: TensorReader,
  folder: string,
  unneeded: RegExp,
): Promise<{ readonly weights: Weights; readonly stored: StoredWeights }> {
  const names = namesInFile(scope, reader, folder, unneeded)
  const places = placesToStay(scope, names, reader)
  const parameters = [...scope.parameters.values()]
  const read = parameters.filter(({ name }) => !places.has(name))
  const weights = await readNamed(read, names, reader, folder)
  const room = new Uint8Array(1 << 20)
  for (const name of places.keys()) {
    let begin = 0
    for await (const piece of reader.floatPieces(names.get(name)!, room)) {
      checkFinite(piece, name, folder, begin)
      begin += piece.length
    }
  }
  const [first] = places.values()
  const named = [...places].map(([name, place]) => [name, { ...place, file: basename(place.file) }] as const)
  return { weights, stored: { folder: first ? dirname(first.file) : folder, places: Object.fromEntries(named) } }
}

/** Throws {@link CheckpointError} where a file is another by now: what an engine found there was not what was checked. */
export async function checkUnchanged({ folder, places }: StoredWeights): Promise<void> {
  const versions = new Map(Object.values(places).map(({ file, version }) => [file, version]))
  for (const [file, version] of versions) {
    const found = await stat(join(folder, file)).then(versionOf, () => undefined)
    if (found !== version)
      throw new CheckpointError(`load: ${join(folder, file)} was replaced while it was read; load it again`, { file })
  }
}

/** Smaller tensors are read: a page or two each is not worth a mapping. */
const leastToLeave = 1 << 16

/** Places of the large float32 parameters, all in the folder of the first of them. */
function placesToStay(
  { parameters }: Pick<Scope, 'parameters'>,
  names: ReadonlyMap<string, string>,
  reader: TensorReader,
): Map<string, FilePlace> {
  const places = [...parameters.keys()]
    .filter((name) => reader.tensors.get(names.get(name)!)!.dtype === 'F32')
    .map((name) => [name, reader.placeOf(names.get(name)!)] as const)
    .filter(([, { byteOffset, byteLength }]) => byteLength >= leastToLeave && byteOffset % 4 === 0)
  const [first] = places
  return new Map(places.filter(([, { file }]) => dirname(file) === dirname(first![1].file)))
}
