import type { Command } from 'commander'
import { ConfigError } from '../errors.ts'
import { textPresets, textSettingFields, wanted } from '../text/settings.ts'
import type { TrainTextOptions } from '../text/train-text.ts'
import { type Outcome, runs } from './command.ts'
import { exitCodes } from './failure.ts'
import { table } from './format.ts'
import { interruptible } from './interrupt.ts'
import { numberOption, oneOf, pairsOption, textOption, textsOption } from './options.ts'
import { findSources } from './sources.ts'
import type { Terminal } from './terminal.ts'
import { summary, TrainingDisplay } from './training-display.ts'

interface Options {
  readonly data?: readonly string[]
  readonly out: string
  readonly preset?: string
  readonly architecture?: string
  readonly steps?: number
  readonly minutes?: number
  readonly epochs?: number
  readonly seed?: number
  readonly set?: Readonly<Record<string, string>>
  readonly resume?: boolean
  readonly tokenizer?: 'char' | 'byte' | 'bpe'
  readonly vocabulary?: number
  readonly field?: string
  readonly prompt?: string
  readonly licence?: string
  readonly threads?: number
}

const above0 = { above: 0 }
const wholeFrom1 = { whole: true, minimum: 1 }

/** `atelier train text`. */
export function addTrainText(parent: Command): void {
  const command = parent
    .command('text')
    .description('Trains a language model on text and leaves a run folder: weights, tokenizer, metrics, report.html.')
    .option(
      '--data <path...>',
      'files, folders, glob patterns, - for stdin, or a known data set (txt, md, jsonl, json, csv, parquet, also .gz)',
      textsOption('--data', 'a file, a folder, a pattern or a data set'),
    )
    .requiredOption('--out <run>', 'folder of the run', textOption('--out', 'a folder'))
    .option(
      '--preset <name>',
      `size: ${Object.keys(textPresets).join(', ')} (default: nano)`,
      textOption('--preset', 'a preset'),
    )
    .option(
      '--architecture <name>',
      'decoder (Llama) or gpt2 (default: decoder)',
      textOption('--architecture', 'a name'),
    )
    .option('--steps <n>', 'train for so many updates', numberOption('--steps', wholeFrom1))
    .option(
      '--minutes <m>',
      'train for so long (default: 2 for nano, 20 for small, 120 for base)',
      numberOption('--minutes', above0),
    )
    .option('--epochs <e>', 'train for so many passes over the corpus', numberOption('--epochs', above0))
    .option(
      '--seed <n>',
      'what randomness starts from (default: 0)',
      numberOption('--seed', { whole: true, minimum: 0 }),
    )
    .option(
      '--set <key=value...>',
      'change settings of the preset, see below',
      pairsOption('--set', 'learningRate=0.001'),
    )
    .option('--resume', 'go on from the last checkpoint of --out')
    .option('--tokenizer <kind>', 'char, byte or bpe (default: bpe)', textOption('--tokenizer', 'char, byte or bpe'))
    .option(
      '--vocabulary <n>',
      'tokens of the bpe vocabulary (default: 4096)',
      numberOption('--vocabulary', wholeFrom1),
    )
    .option(
      '--field <name>',
      'field of JSON, CSV and Parquet that holds the text (default: text)',
      textOption('--field', 'a name'),
    )
    .option('--prompt <text>', 'what samples on the way begin with')
    .option('--licence <text>', 'licence of the data, for the record', textOption('--licence', 'a text'))
    .option(
      '--threads <n>',
      'threads to compute with (default: one a core)',
      numberOption('--threads', { ...wholeFrom1, maximum: 1024 }),
    )
    .addHelpText('after', settingsHelp)
  runs<Options>(command, examples, train)
}

const examples = [
  'atelier train text --data state-of-the-union --out runs/speeches',
  'atelier train text --data books/*.txt --out runs/books --preset small --minutes 30',
  'atelier train text --data poems.jsonl --field poem --out runs/poems --tokenizer char --steps 2000',
  'atelier train text --data notes/ --out runs/notes --set dModel=192 nLayers=6 learningRate=0.002',
  'atelier train text --out runs/books --resume',
]

const settingsHelp = () => {
  const rows = textSettingFields.map(
    (field) => [field.name, `${field.description}; ${wanted(field)} (nano: ${textPresets.nano[field.name]})`] as const,
  )
  return `\nSettings for --set, as key=value:\n${table(rows)}`
}

async function train(options: Options, terminal: Terminal): Promise<Outcome> {
  checkOptions(options)
  const display = new TrainingDisplay(terminal)
  const { trainText } = await import('../text/train-text.ts')
  const onStop = () => display.progress.line('stopping after this step, with a checkpoint; Ctrl-C again ends at once')
  const result = await interruptible(onStop, async (signal) => {
    const events = trainText({ ...(await prepared(options, display, signal)), signal })
    return display.follow(events)
  })
  terminal.say(summary(result))
  const next = result.stopped
    ? `stopped; go on: atelier train text --out ${result.run} --resume`
    : `write: atelier generate text --model ${result.run} --prompt "…"`
  terminal.say(`\n${next}`)
  return { result, exitCode: result.stopped ? exitCodes.stopped : exitCodes.done }
}

function checkOptions(options: Options): void {
  oneOf({ ...options }, ['steps', 'minutes', 'epochs'], 'a run has one length')
  const { data, resume, tokenizer, vocabulary } = options
  if (!data && !resume)
    throw new ConfigError(
      'train text: no --data; name files, a folder or a data set, such as --data state-of-the-union',
    )
  if (tokenizer !== undefined && !['char', 'byte', 'bpe'].includes(tokenizer))
    throw new ConfigError(`--tokenizer: got '${tokenizer}', wanted char, byte or bpe`)
  if (vocabulary !== undefined && tokenizer !== undefined && tokenizer !== 'bpe')
    throw new ConfigError(
      `--vocabulary: a ${tokenizer} tokenizer has the vocabulary that it has; leave it out, or use bpe`,
    )
}

/** The options as the library takes them. */
async function prepared(options: Options, display: TrainingDisplay, signal: AbortSignal): Promise<TrainTextOptions> {
  const { data, out, preset, architecture, steps, minutes, epochs, seed, set, resume } = options
  const { tokenizer: kind = 'bpe', vocabulary, field, prompt, threads } = options
  const sources = data && !resume ? await findSources(data, display.progress, signal) : undefined
  const licence = options.licence ?? sources?.licence
  const budget = steps ? { steps } : minutes ? { minutes } : epochs ? { epochs } : undefined
  const tokenizer = kind === 'bpe' ? { kind, vocabulary: vocabulary ?? 4096 } : { kind }
  return {
    out,
    tokenizer,
    ...given({ preset, architecture, budget, seed, set, resume, field, prompt, threads, licence }),
    ...(sources ? { data: sources.paths, sources: sources.names } : {}),
  }
}

/** An object without what is undefined. */
function given<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never
}
