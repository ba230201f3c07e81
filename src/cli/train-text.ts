import type { Command } from 'commander'
import { ConfigError } from '../errors.ts'
import { shellWord } from '../files/shell-word.ts'
import type { LoraModules } from '../models/low-rank.ts'
import type { EngineName } from '../runtime/engine.ts'
import type { NewTokenizer } from '../text/data/train-tokenizer.ts'
import { textPresets, textSettingFields } from '../text/settings.ts'
import type { TrainTextOptions } from '../text/train-text.ts'
import { settingChoices } from '../train/settings-table.ts'
import { type Outcome, runs } from './command.ts'
import { exitCodes } from './failure.ts'
import { table } from './format.ts'
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
import { checkResumed, type ResumedOptions } from './resumed-options.ts'
import { findSources } from './sources.ts'
import type { Terminal } from './terminal.ts'
import { summary, TrainingDisplay } from './training-display.ts'

interface Options extends ResumedOptions {
  readonly out?: string
  readonly steps?: number
  readonly minutes?: number
  readonly epochs?: number
  readonly resume?: boolean
  readonly threads?: number
  readonly engine?: EngineName
}

const tokenizers = ['char', 'byte', 'bpe', 'wordpiece', 'unigram'] as const satisfies NewTokenizer['kind'][]

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
    .option('--out <run>', 'folder of the run', textOption('--out', 'a folder'))
    .option(
      '--from <model>',
      'go on from what a run or a Hugging Face folder has learned; architecture, sizes and tokenizer come with it',
      textOption('--from', 'a folder'),
    )
    .option('--lora', 'train a low-rank adapter of --from alone; the run is a folder in PEFT’s form')
    .option('--lora-rank <r>', 'rank of its matrices (default: 8)', numberOption('--lora-rank', wholeFrom1))
    .option('--lora-alpha <a>', 'it counts by alpha / rank (default: 16)', numberOption('--lora-alpha', above0))
    .option(
      '--lora-dropout <p>',
      'share of what it sees that training drops (default: 0)',
      numberOption('--lora-dropout', { minimum: 0, maximum: 0.9 }),
    )
    .option(
      '--lora-targets <names>',
      'layers that are adapted: attention, all, or the ends of their names, as q_proj,v_proj (default: attention)',
      modulesOption,
    )
    .option(
      '--preset <name>',
      `size: ${Object.keys(textPresets).join(', ')} (default: nano)`,
      textOption('--preset', 'a preset'),
    )
    .option(
      '--architecture <name>',
      'decoder (Llama), gpt2, bert, t5, or another of those that are loaded (default: decoder)',
      textOption('--architecture', 'a name'),
    )
    .option(
      '--task <name>',
      'what to learn: next token (next), hidden tokens (fill: bert), spans taken out (denoise: t5), the second text of pairs from the first (pairs: t5), answers in conversations (instruct, with --from) (default: what suits the architecture)',
      textOption('--task', 'a name'),
    )
    .option('--steps <n>', 'train for so many updates in all', numberOption('--steps', wholeFrom1))
    .option(
      '--minutes <m>',
      'train for so long in all (default: 2 for nano, 20 for small, 120 for base, 10 with --from)',
      numberOption('--minutes', above0),
    )
    .option('--epochs <e>', 'train for so many passes over the corpus in all', numberOption('--epochs', above0))
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
    .option(
      '--resume',
      'go on from the last checkpoint of --out; --steps, --minutes, --epochs count in all, earlier sessions included',
    )
    .option(
      '--tokenizer <kind>',
      'char, byte, bpe (as GPT-2), wordpiece (as BERT: blanks and line ends are lost) or unigram (as T5) (default: bpe; wordpiece for fill, unigram for denoise and pairs)',
      textOption('--tokenizer', tokenizers.join(', ')),
    )
    .option(
      '--vocabulary <n>',
      'tokens of the vocabulary of bpe, wordpiece or unigram (default: 4096)',
      numberOption('--vocabulary', wholeFrom1),
    )
    .option(
      '--field <name>',
      'field of JSON, CSV and Parquet that holds the text (default: text); for pairs two, as source,target',
      textOption('--field', 'a name'),
    )
    .option('--prompt <text>', 'what samples on the way begin with')
    .option('--licence <text>', 'licence of the data, for the record', textOption('--licence', 'a text'))
    .option(...threadsOption)
    .option(...engineOption)
    .addHelpText('after', settingsHelp)
  runs<Options>(command, examples, train)
}

const examples = [
  'atelier train text --data state-of-the-union --out runs/speeches',
  'atelier train text --data books/*.txt --out runs/books --preset small --minutes 30',
  'atelier train text --data poems.jsonl --field poem --out runs/poems --tokenizer char --steps 2000',
  'atelier train text --data notes/ --out runs/notes --set dModel=192 nLayers=6 learningRate=0.002',
  'atelier train text --architecture bert --data state-of-the-union --out runs/blanks',
  'atelier train text --architecture t5 --task pairs --data titles.jsonl --out runs/titles --epochs 10',
  'atelier train text --from gallery/en --data letters/ --out runs/letters',
  'atelier train text --from models/smollm --lora --data letters/ --out runs/letters',
  'atelier train text --from models/smollm --task instruct --data chats.jsonl --out runs/talk --epochs 3',
  'atelier train text --out runs/books --resume --minutes 60',
]

function modulesOption(text: string): LoraModules {
  const modules = textOption('--lora-targets', 'attention, all, or names of layers, as q_proj,v_proj')(text)
  return modules === 'attention' || modules === 'all' ? modules : modules.split(',').map((module) => module.trim())
}

/** Adapters as the library takes them. Throws {@link ConfigError} for what is said of adapters that are not asked for. */
function lora({ lora: asked, loraRank: rank, loraAlpha: alpha, loraDropout: dropout, loraTargets: modules }: Options) {
  const said = given({ rank, alpha, dropout, modules })
  if (asked || Object.keys(said).length === 0) return asked ? said : undefined
  throw new ConfigError('--lora-rank, --lora-alpha, --lora-dropout, --lora-targets: they are of adapters; add --lora')
}

const conversations = `Conversations for --task instruct, a line each, system messages as you like:
  {"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}
  {"prompt": "…", "completion": "…"}`

const settingsHelp = () => {
  const presets = Object.entries(textPresets).map(([name, { nLayers, dModel, contextLength, batchSize }]) => {
    return [name, `${nLayers} layers, width ${dModel}, context ${contextLength}, batches of ${batchSize}`] as const
  })
  const settings = textSettingFields.map((field) => {
    return [
      field.name,
      `${field.description} [${settingChoices(field)}; nano: ${textPresets.nano[field.name]}]`,
    ] as const
  })
  return `\n${conversations}\n\nPresets:\n${table(presets)}\n\nSettings for --set:\n${table(settings)}`
}

async function train(options: Options, terminal: Terminal): Promise<Outcome> {
  const out = needed(options.out, 'train text', '--out', 'name a folder for the run, such as --out runs/mine')
  await checkOptions(options)
  const display = new TrainingDisplay(terminal)
  const { trainText } = await import('../text/train-text.ts')
  const onStop = () => display.progress.line('stopping after this step, with a checkpoint; Ctrl-C again ends at once')
  const result = await interruptible(onStop, async (signal) => {
    const events = trainText(await prepared(options, out, display.progress, signal))
    return display.follow(events)
  })
  terminal.say(summary(result))
  if (result.stopped) terminal.note(`stopped; go on: atelier train text --out ${shellWord(out)} --resume`)
  else terminal.say(`\nwrite: atelier generate text --model ${shellWord(out)} --prompt "…"`)
  return { result, exitCode: result.stopped ? exitCodes.stopped : exitCodes.done }
}

const unsized = ['char', 'byte']

async function checkOptions(options: Options): Promise<void> {
  oneOf({ ...options }, ['steps', 'minutes', 'epochs'], 'a run has one length')
  const { data, resume, tokenizer, vocabulary } = options
  if (!resume) {
    const { defaultDataset } = await import('../data/catalog.ts')
    needed(data, 'train text', '--data', `name files, a folder or a data set, such as --data ${defaultDataset}`)
  }
  if (tokenizer !== undefined && !tokenizers.includes(tokenizer))
    throw new ConfigError(`--tokenizer: got '${tokenizer}', wanted ${tokenizers.join(', ')}`)
  if (vocabulary !== undefined && tokenizer !== undefined && unsized.includes(tokenizer))
    throw new ConfigError(`--vocabulary: a ${tokenizer} tokenizer has the vocabulary that it has; leave it out`)
}

/** The options as the library takes them. */
async function prepared(options: Options, out: string, progress: Progress, signal: AbortSignal) {
  const { steps, minutes, epochs, threads, engine, data = [] } = options
  const budget = steps ? { steps } : minutes ? { minutes } : epochs ? { epochs } : undefined
  const always = { out, signal, ...given({ budget, threads, engine }) }
  if (options.resume) {
    await checkResumed(out, options)
    return { ...always, resume: true }
  }
  const { from, preset, architecture, task, seed, set, field, prompt } = options
  const tokenizer = await tokenizerAsked(options)
  const { paths, names, licence } = await findSources(data, progress, signal)
  return {
    ...always,
    ...given({ from, preset, architecture, task, seed, set, field, prompt, licence: options.licence ?? licence }),
    ...given({ tokenizer, lora: lora(options) }),
    data: paths,
    sources: names,
  } satisfies TrainTextOptions
}

/** The tokenizer that is to be learned; none where one comes with a model. */
async function tokenizerAsked(options: Options): Promise<NewTokenizer | undefined> {
  const { from, architecture = 'decoder', task, vocabulary, tokenizer } = options
  if (from !== undefined && tokenizer === undefined && vocabulary === undefined) return undefined
  const { taskFor } = await import('../text/tasks/tasks.ts')
  const kind = tokenizer ?? taskFor(architecture, task).tokenizer.kind
  return kind === 'char' || kind === 'byte' ? { kind } : { kind, vocabulary }
}
