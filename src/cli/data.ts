import { existsSync } from 'node:fs'
import { cp } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Command } from 'commander'
import type { DatasetCraft } from '../data/catalog.ts'
import { ConfigError } from '../errors.ts'
import { fileError } from '../files/file-error.ts'
import { makeFolder } from '../files/make-folder.ts'
import type { ImageProgress } from '../image/data/prepare-images.ts'
import { nearestName } from '../nearest-name.ts'
import { type Outcome, runs } from './command.ts'
import { bytes, count, indent, table } from './format.ts'
import { interruptible } from './interrupt.ts'
import { given, textOption, textsOption } from './options.ts'
import { Progress } from './progress.ts'
import { heading, shown, type Terminal } from './terminal.ts'

/** `atelier data`. */
export function addData(parent: Command): void {
  const data = parent.command('data').description('known data sets, and what a corpus holds: list, get, describe')
  runs<object>(data.command('list').description('Lists the known data sets.'), ['atelier data list'], list)
  const get = data
    .command('get')
    .description(
      'Gets a known data set: downloads it (going on where it stopped) or tells how to install it, checks it, says where it lies.',
    )
    .argument('<name>', 'its name in `atelier data list`', textOption('get', 'a name'))
    .option('--out <folder>', 'copy its files there, into a folder of its name', textOption('--out', 'a folder'))
  runs<GetOptions>(
    get,
    [
      'atelier data get state-of-the-union',
      'atelier data get tinyshakespeare --out data',
      'atelier data get inception    (the network that image models are measured by)',
    ],
    getData,
  )
  const describe = data
    .command('describe')
    .description('Reads a corpus as training would and tells what is in it: text, or pictures with --craft image.')
    .argument(
      '<path...>',
      'files, folders, glob patterns, - for stdin, or a known data set',
      textsOption('describe', 'a path'),
    )
    .option('--field <name>', 'field of JSON, CSV and Parquet that holds the text', textOption('--field', 'a name'))
    .option('--craft <name>', 'text or image (default: what a known data set is for, else text)', craftOption)
  runs<DescribeOptions>(
    describe,
    [
      'atelier data describe books/',
      'cat poems.txt | atelier data describe -',
      'atelier data describe photos/ --craft image',
    ],
    describeData,
  )
}

interface GetOptions {
  readonly out?: string
}

interface DescribeOptions {
  readonly field?: string
  readonly craft?: DatasetCraft
}

function craftOption(text: string): DatasetCraft {
  if (text === 'text' || text === 'image') return text
  throw new ConfigError(`--craft: got '${text}', wanted text or image`, { option: '--craft', value: text })
}

async function list(_: object, terminal: Terminal): Promise<Outcome> {
  const { knownDatasets: datasets, defaultDataset } = await import('../data/catalog.ts')
  for (const { name, craft, what, home, licence, bytes: size, sha256 } of datasets) {
    terminal.say(heading(name) + (name === defaultDataset ? ' (the default corpus)' : ''))
    terminal.say(
      table([
        ['for', `atelier train ${craft}`],
        ['holds', what],
        ['size', bytes(size)],
        ['licence', licence],
        ['home', home],
        ['sha256', sha256],
      ]),
    )
    terminal.say()
  }
  return { result: { datasets, default: defaultDataset } }
}

async function getData({ out }: GetOptions, terminal: Terminal, [name = '']: readonly string[]): Promise<Outcome> {
  const { checkDataset, getDataset, knownDatasets } = await import('../data/catalog.ts')
  const known = knownDatasets.find((dataset) => dataset.name === name)
  if (name === inceptionName && !known) return getInception(terminal, out)
  if (!known) throw unknownDataset(name, knownDatasets)
  const progress = new Progress(terminal)
  const onProgress = (done: number, total: number) =>
    progress.show(`getting ${name}`, done / total, `${bytes(done)} of ${bytes(total)}`)
  try {
    const found = await interruptible(
      () => progress.line('stopping; what has come is kept'),
      (signal) => getDataset(name, { onProgress, signal }),
    )
    await checkDataset(known, found)
    const files = out ? await copy(found, join(out, name)) : found
    progress.end()
    for (const file of files) terminal.say(file)
    return { result: { name, files, licence: known.licence, sha256: known.sha256 } }
  } finally {
    progress.end()
  }
}

/** What `data get` calls the network that pictures are measured by. */
const inceptionName = 'inception'

/** The network that `atelier evaluate` sees pictures with, got before it is needed. */
async function getInception(terminal: Terminal, out: string | undefined): Promise<Outcome> {
  const { getNsfwInception, nsfwPackage } = await import('../image/features/inception-weights.ts')
  const progress = new Progress(terminal)
  const onNote = (line: string) => progress.line(line)
  try {
    const file = await interruptible(
      () => progress.line('stopping'),
      (signal) => getNsfwInception({ signal, onNote }),
    )
    const files = out ? await copy([file], join(out, inceptionName)) : [file]
    progress.end()
    for (const path of files) terminal.say(path)
    return { result: { name: inceptionName, files, ...nsfwPackage } }
  } finally {
    progress.end()
  }
}

function unknownDataset(name: string, known: readonly { readonly name: string }[]): ConfigError {
  const names = known.map((dataset) => dataset.name)
  const nearest = nearestName(name, names)
  const remedy = nearest ? `did you mean ${nearest}?` : `known are ${names.join(', ')}`
  return new ConfigError(`data get: there is no data set ${name}; ${remedy}`, { name, nearest, names })
}

async function copy(files: readonly string[], folder: string): Promise<string[]> {
  try {
    await makeFolder(folder)
    const paths = files.map((file) => join(folder, basename(file)))
    for (const [i, file] of files.entries()) await cp(file, paths[i]!)
    return paths
  } catch (cause) {
    throw fileError('write', folder, cause)
  }
}

async function describeData(
  { field, craft }: DescribeOptions,
  terminal: Terminal,
  words: readonly string[],
): Promise<Outcome> {
  const { knownDatasets } = await import('../data/catalog.ts')
  const known = knownDatasets.find(({ name }) => words.includes(name) && !existsSync(name))
  return (craft ?? known?.craft) === 'image' ? describePictures(terminal, words) : describeText(field, terminal, words)
}

async function describeText(field: string | undefined, terminal: Terminal, words: readonly string[]): Promise<Outcome> {
  const { describeCorpus } = await import('../text/data/describe-corpus.ts')
  const { findSources } = await import('./sources.ts')
  const progress = new Progress(terminal)
  const result = await interruptible(
    () => progress.line('stopping'),
    async (signal) => {
      const { paths } = await findSources(words, progress, signal)
      return describeCorpus(paths, { signal, ...given({ field }) })
    },
  )
  const { statistics, previews, documentsDigest } = result
  terminal.say(shown(table(Object.entries(statistics).flatMap(([name, value]) => row(name, value)))))
  terminal.say(table([['digest', documentsDigest]]))
  for (const { source, index, text } of previews) {
    terminal.say(heading(`\n${shown(source)}${index > 0 ? `, document ${index + 1}` : ''}`))
    terminal.say(indent(shown(text), 2))
  }
  return { result }
}

async function describePictures(terminal: Terminal, words: readonly string[]): Promise<Outcome> {
  const { describeImages } = await import('../image/data/describe-images.ts')
  const { findSources } = await import('./sources.ts')
  const progress = new Progress(terminal)
  try {
    const result = await interruptible(
      () => progress.line('stopping'),
      async (signal) => {
        const { paths } = await findSources(words, progress, signal, 'image')
        const onProgress = ({ stage, done, total }: ImageProgress) =>
          progress.show(stage === 'read' ? 'reading' : 'counting', done / total, `${count(done)} of ${count(total)}`)
        return describeImages(paths, { signal, onProgress })
      },
    )
    progress.end()
    const { statistics, previews, classes, digest, ...sizes } = result
    terminal.say(shown(table(Object.entries({ ...statistics, ...sizes }).flatMap(([name, value]) => row(name, value)))))
    terminal.say(table([['digest', digest]]))
    if (classes.length > 0) terminal.say(heading('\nClasses'))
    if (classes.length > 0) terminal.say(shown(table(classes.map(({ name, pictures }) => [name, count(pictures)]))))
    for (const { source, reason } of statistics.skipped.slice(0, 10))
      terminal.say(shown(`skipped ${source}: ${reason}`))
    for (const { source, captions = [] } of previews) {
      terminal.say(heading(`\n${shown(source)}`))
      if (captions.length > 0) terminal.say(indent(shown(captions.join('\n')), 2))
    }
    return { result }
  } finally {
    progress.end()
  }
}

function row(name: string, value: unknown): [string, string][] {
  const words = name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
  if (typeof value === 'number') return [[words, count(value)]]
  if (Array.isArray(value)) return value.length > 0 ? [[words, count(value.length)]] : []
  return [[words, String(value)]]
}
