import { join } from 'node:path'
import type { Command } from 'commander'
import { ConfigError } from '../errors.ts'
import { shellWord } from '../files/shell-word.ts'
import { imagePresets, imageSettingFields, imageSizes } from '../image/settings.ts'
import type { TrainImageOptions } from '../image/train-image.ts'
import type { EngineName } from '../runtime/engine.ts'
import { settingChoices } from '../train/settings-table.ts'
import { type Outcome, runs } from './command.ts'
import { exitCodes } from './failure.ts'
import { table } from './format.ts'
import { ImageTrainingDisplay, imageSummary } from './image-training-display.ts'
import { interruptible } from './interrupt.ts'
import {
  engineOption,
  given,
  needed,
  numberOption,
  oneOf,
  pairsOption,
  textOption,
  textsOption,
  threadsOption,
} from './options.ts'
import type { Progress } from './progress.ts'
import { type Claim, refuseOthers } from './resumed-options.ts'
import { findSources } from './sources.ts'
import type { Terminal } from './terminal.ts'

type Word<Field extends keyof TrainImageOptions> = NonNullable<TrainImageOptions[Field]>

interface Options {
  readonly data?: readonly string[]
  readonly out?: string
  readonly size?: number
  readonly fit?: Word<'fit'>
  readonly background?: string
  readonly channels?: Word<'channels'>
  readonly preset?: string
  readonly architecture?: string
  readonly condition?: Word<'condition'>
  readonly steps?: number
  readonly minutes?: number
  readonly epochs?: number
  readonly seed?: number
  readonly set?: Readonly<Record<string, string>>
  readonly resume?: boolean
  readonly licence?: string
  readonly threads?: number
  readonly engine?: EngineName
}

const above0 = { above: 0 }
const wholeFrom1 = { whole: true, minimum: 1 }

/** A parser for one of some words, or numbers. */
function choice<T extends string | number>(flag: string, choices: readonly T[]): (text: string) => T {
  return (text) => {
    const found = choices.find((candidate) => String(candidate) === text)
    if (found !== undefined) return found
    throw new ConfigError(`${flag}: got '${text}', wanted ${choices.join(', ')}`, { option: flag, value: text })
  }
}

/** `atelier train image`. */
export function addTrainImage(parent: Command): void {
  const command = parent
    .command('image')
    .description(
      'Trains a generator of pictures against a discriminator and leaves a run folder: weights, metrics, samples, report.html.',
    )
    .option(
      '--data <path...>',
      'folders, files, glob patterns, or a known data set (png, jpg, webp, gif, avif, svg; a folder a class; captions beside; IDX, Parquet, Iconify)',
      textsOption('--data', 'a folder, a file, a pattern or a data set'),
    )
    .option('--out <run>', 'folder of the run', textOption('--out', 'a folder'))
    .option('--size <n>', `pixels a side: ${imageSizes.join(', ')} (default: 32)`, choice('--size', imageSizes))
    .option(
      '--preset <name>',
      `networks: ${Object.keys(imagePresets).join(', ')} (default: nano)`,
      textOption('--preset', 'a preset'),
    )
    .option(
      '--architecture <name>',
      'r3gan, or the classics dcgan and wgan-gp (default: r3gan)',
      textOption('--architecture', 'a name'),
    )
    .option(
      '--condition <kind>',
      'what pictures are asked for by: none, class, text, or auto: words where there are captions, else classes (default: auto)',
      choice('--condition', ['auto', 'none', 'class', 'text']),
    )
    .option('--steps <n>', 'train for so many rounds in all', numberOption('--steps', wholeFrom1))
    .option(
      '--minutes <m>',
      'train for so long in all (default: 5 for nano, 30 for small, 180 for base)',
      numberOption('--minutes', above0),
    )
    .option('--epochs <e>', 'train for so many passes over the pictures in all', numberOption('--epochs', above0))
    .option(
      '--fit <how>',
      'how pictures become squares: cover, contain, stretch (default: cover)',
      choice('--fit', ['cover', 'contain', 'stretch']),
    )
    .option('--background <colour>', 'what transparent pictures stand on (default: white)')
    .option(
      '--channels <n>',
      'colour planes: 1, 3, or 4 with opacity (default: 1 where all pictures are grey, else 3)',
      choice('--channels', [1, 3, 4]),
    )
    .option(
      '--seed <n>',
      'what randomness starts from (default: 0)',
      numberOption('--seed', { whole: true, minimum: 0 }),
    )
    .option('--set <key=value...>', 'change settings of the preset, see below', pairsOption('--set', 'penalty=3'))
    .option(
      '--resume',
      'go on from the last checkpoint of --out; --steps, --minutes, --epochs count in all, earlier sessions included',
    )
    .option('--licence <text>', 'licence of the data, for the record', textOption('--licence', 'a text'))
    .option(...threadsOption)
    .option(...engineOption)
    .addHelpText('after', settingsHelp)
  runs<Options>(command, examples, train)
}

const examples = [
  'atelier train image --data fashion-mnist --out runs/fashion --preset small --minutes 30',
  'atelier train image --data photos/ --out runs/photos --size 64 --fit cover --set augmentation=ada',
  'atelier train image --data flowers/ --out runs/flowers --condition class --set flip=true',
  'atelier train image --data captioned/ --out runs/words --condition text --set maxTokens=24',
  'atelier train image --out runs/fashion --resume --minutes 60',
]

const settingsHelp = () => {
  const presets = Object.entries(imagePresets).map(([name, preset]) => {
    const { generatorWidth, maxWidth, blocks, latentSize, batchSize } = preset
    const widths = `widths ${generatorWidth} to ${maxWidth}, ${blocks} ${blocks === 1 ? 'block' : 'blocks'} a grid`
    return [name, `${widths}, latents of ${latentSize}, batches of ${batchSize}`] as const
  })
  const settings = imageSettingFields.map((field) => {
    return [
      field.name,
      `${field.description} [${settingChoices(field)}; nano: ${imagePresets.nano[field.name]}]`,
    ] as const
  })
  return `\nPresets:\n${table(presets)}\n\nSettings for --set:\n${table(settings)}`
}

async function train(options: Options, terminal: Terminal): Promise<Outcome> {
  const out = needed(options.out, 'train image', '--out', 'name a folder for the run, such as --out runs/mine')
  oneOf({ ...options }, ['steps', 'minutes', 'epochs'], 'a run has one length')
  if (!options.resume)
    needed(
      options.data,
      'train image',
      '--data',
      'name a folder of pictures or a data set, such as --data fashion-mnist',
    )
  const display = new ImageTrainingDisplay(terminal)
  const { trainImage } = await import('../image/train-image.ts')
  const onStop = () => display.progress.line('stopping after this round, with a checkpoint; Ctrl-C again ends at once')
  const result = await interruptible(onStop, async (signal) => {
    return display.follow(trainImage(await prepared(options, out, display.progress, signal)))
  })
  terminal.say(imageSummary(result))
  if (result.stopped) terminal.note(`stopped; go on: atelier train image --out ${shellWord(out)} --resume`)
  else terminal.say(`\npaint: atelier generate image --model ${shellWord(out)} --n 16 --grid --out grid.png`)
  return { result, exitCode: result.stopped ? exitCodes.stopped : exitCodes.done }
}

/** The options as the library takes them. */
async function prepared(
  options: Options,
  out: string,
  progress: Progress,
  signal: AbortSignal,
): Promise<TrainImageOptions> {
  const { steps, minutes, epochs, threads, engine, data = [] } = options
  const budget = steps ? { steps } : minutes ? { minutes } : epochs ? { epochs } : undefined
  const always = { out, signal, ...given({ budget, threads, engine }) }
  if (options.resume) {
    await checkResumed(out, options)
    return { ...always, resume: true }
  }
  const { size, fit, background, channels, preset, architecture, condition, seed, set } = options
  const { paths, names, licence } = await findSources(data, progress, signal, 'image')
  return {
    ...always,
    ...given({ size, fit, background, channels, preset, architecture, condition, seed, set }),
    ...given({ licence: options.licence ?? licence }),
    data: paths,
    sources: names,
  }
}

/**
 * Lets the command that began a run go on with it when `--resume` is added: what it says again must be what the run
 * has. Throws {@link ConfigError} for what is another.
 */
async function checkResumed(run: string, options: Options): Promise<void> {
  const { runExists } = await import('../train/run-record.ts')
  if (!(await runExists(run))) return
  const { readImageRun } = await import('../image/run.ts')
  const { resolveImageSettings } = await import('../image/settings.ts')
  const { readImageIndex } = await import('../image/data/image-shards.ts')
  const { parseColour } = await import('../image/codec/picture.ts')
  const record = await readImageRun(run)
  const { background, channels } = await readImageIndex(join(run, record.corpus))
  const { preset, architecture, size, settings, condition } = record
  const said = resolveImageSettings({ preset, architecture, size, set: options.set })
  const claims: Claim[] = [
    ['preset', options.preset, preset],
    ['architecture', options.architecture, architecture],
    ['size', options.size, size],
    ['fit', options.fit, record.fit],
    ['channels', options.channels, channels],
    ['background', options.background && parseColour(options.background).join(), background.join()],
    ['condition', options.condition === 'auto' ? undefined : options.condition, condition],
    ['seed', options.seed, record.seed],
    ['licence', options.licence, record.licence],
    ['data', options.data?.join(' '), record.sources.join(' ')],
    ...Object.keys(options.set ?? {}).map((key): Claim => {
      return [`set ${key}`, said[key as keyof typeof said], settings[key]]
    }),
  ]
  refuseOthers(run, claims)
}
