import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { CheckpointError, DataError } from '../../errors.ts'
import { makeFolder } from '../../files/make-folder.ts'
import { openSafetensors, type TensorReader, writeSafetensors } from '../../files/safetensors-file.ts'
import type { InceptionVariant } from '../../models/inception.ts'
import { readNsfwInception } from './nsfw-package.ts'

/** A set of weights, its kind, and how to speak of what it measures. */
export interface InceptionWeights {
  readonly name: string
  /** SHA-256 of the weights' file, or of the package that they come from. */
  readonly digest: string
  /** What scores with these features compare with, in a sentence. */
  readonly note: string
  readonly variant: InceptionVariant
  /** Pixels, 0 to 1, become scale · pixel + shift. */
  readonly scale: number
  readonly shift: number
  readonly reader: TensorReader
}

/** Where weights come from. */
export interface InceptionSource {
  /** A safetensors file of the FID Inception or torchvision's; by default the network in the npm package nsfwjs. */
  readonly file?: string | undefined
  /** Where converted weights are kept; default `ATELIER_FEATURES`, else `~/.cache/atelier/features`. */
  readonly folder?: string | undefined
  /** Hears, in a line, of work that takes a while. */
  readonly onNote?: ((line: string) => void) | undefined
  readonly signal?: AbortSignal | undefined
}

/** The package that the default network comes in, its licence, and the SHA-256 of its archive. */
export const nsfwPackage = {
  package: 'nsfwjs@4.4.0',
  licence: 'MIT',
  sha256: '585cd178f3b994337c4d10a87b080d342fc52f8b9bf0085c4d1f345a3a1c5382',
}

/**
 * Opens Inception's weights; those of the package are fetched by the user's npm client and converted where that hasn't
 * been done. Close the reader. Throws {@link DataError} where they can't be fetched, {@link CheckpointError} for a file
 * that isn't InceptionV3's.
 */
export async function openInception(source: InceptionSource = {}): Promise<InceptionWeights> {
  return source.file === undefined ? openNsfw(source) : openGiven(source.file)
}

async function openNsfw(source: InceptionSource): Promise<InceptionWeights> {
  const reader = await openSafetensors(await getNsfwInception(source))
  return {
    name: 'inception-nsfw',
    digest: nsfwPackage.sha256,
    note: "features are those of nsfwjs' InceptionV3: scores compare with one another, not with published ones",
    variant: { countPadding: false, lastPool: 'average' },
    scale: 1,
    shift: 0,
    reader,
  }
}

async function openGiven(file: string): Promise<InceptionWeights> {
  const reader = await openSafetensors(file)
  try {
    const isTorchvision =
      reader.tensors.has('AuxLogits.fc.weight') || reader.tensors.get('fc.weight')?.shape[0] === 1000
    if (!reader.tensors.has('Mixed_7c.branch_pool.conv.weight'))
      throw new CheckpointError(
        `features: ${file} has no Mixed_7c.branch_pool.conv.weight; wanted InceptionV3 with torchvision's names`,
        { file },
      )
    const kind = isTorchvision ? "torchvision's InceptionV3" : 'the FID Inception'
    return {
      name: isTorchvision ? 'inception-torchvision' : 'inception-fid',
      digest: await sha256Of(file),
      note: `features are those of ${kind} in ${file}: scores compare where the same weights and number of pictures are used`,
      variant: isTorchvision ? { countPadding: true, lastPool: 'average' } : { countPadding: false, lastPool: 'max' },
      scale: 2,
      shift: -1,
      reader,
    }
  } catch (error) {
    await reader.close()
    throw error
  }
}

/** The converted weights' path; fetches and converts them first where they are missing. Throws {@link DataError}. */
export async function getNsfwInception(source: InceptionSource = {}): Promise<string> {
  const folder = source.folder ?? process.env.ATELIER_FEATURES ?? join(homedir(), '.cache', 'atelier', 'features')
  const path = join(folder, `inception-nsfw-${nsfwPackage.sha256.slice(0, 8)}.safetensors`)
  if (await exists(path)) return path
  await makeFolder(folder)
  const temporary = await mkdtemp(join(folder, '.fetch-'))
  try {
    source.onNote?.(`getting the features' network: npm pack ${nsfwPackage.package} (25 MB), once`)
    await pack(temporary, source.signal)
    const archive = join(temporary, 'nsfwjs-4.4.0.tgz')
    const sha256 = await sha256Of(archive)
    if (sha256 !== nsfwPackage.sha256)
      throw new DataError(
        `inception: ${nsfwPackage.package} has sha256 ${sha256}, wanted ${nsfwPackage.sha256}; use --features FILE`,
      )
    await writeSafetensors(path, await readNsfwInception(archive), {
      metadata: { format: 'pt', from: nsfwPackage.package },
    })
    return path
  } finally {
    await rm(temporary, { recursive: true, force: true })
  }
}

/** Runs the user's npm client, whose settings say where packages come from. */
async function pack(folder: string, signal: AbortSignal | undefined): Promise<void> {
  const said: Buffer[] = []
  const code = await new Promise<number | Error>((resolve) => {
    const args = ['pack', nsfwPackage.package, '--pack-destination', folder, '--loglevel', 'error']
    const child = spawn('npm', args, { stdio: ['ignore', 'ignore', 'pipe'], ...(signal ? { signal } : {}) })
    child.stderr.on('data', (data: Buffer) => said.push(data))
    child.on('error', resolve)
    child.on('close', (status) => resolve(status ?? 1))
  })
  signal?.throwIfAborted()
  if (code === 0) return
  const line = code instanceof Error ? code.message : (Buffer.concat(said).toString().trim().split('\n')[0] ?? '')
  throw new DataError(
    `inception: npm could not fetch ${nsfwPackage.package} (${line || `it ended with ${code}`}); connect once, or name weights by --features FILE`,
    { package: nsfwPackage.package },
    ...(code instanceof Error ? [{ cause: code }] : []),
  )
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  )
}
