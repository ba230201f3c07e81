import { randomInt } from 'node:crypto'
import { buffer as readAll } from 'node:stream/consumers'
import type { Command } from 'commander'
import { ConfigError, DataError } from '../errors.ts'
import { checkWritable } from '../files/atomic-write.ts'
import { writeJsonFile } from '../files/json-file.ts'
import type { EngineName } from '../runtime/engine.ts'
import { formOf } from '../sample/grammar/form.ts'
import { resolveSamplerSettings } from '../sample/resolve-settings.ts'
import type { SamplerSettings } from '../sample/settings.ts'
import type { TextArtifact } from '../text/artifact.ts'
import type { TextModel, WriteOptions } from '../text/text-model.ts'
import { type Outcome, runs } from './command.ts'
import { describeError, exitCodes, reportError } from './failure.ts'
import { readForms } from './form-files.ts'
import { count } from './format.ts'
import { interruptible } from './interrupt.ts'
import { engineOption, given, needed, numberOption, textOption, threadsOption } from './options.ts'
import { samplerOptions, samplerValues } from './sampler-options.ts'
import { bold, dim, heading, shown, type Terminal } from './terminal.ts'

interface Options {
  readonly model?: string
  readonly prompt?: readonly string[]
  readonly out?: string
  readonly threads?: number
  readonly engine?: EngineName
  readonly draft?: string
  readonly lookup?: number
  readonly chat?: boolean
  readonly system?: string
  readonly jsonSchema?: string
  readonly grammar?: string
}

/** `atelier generate text`. */
export function addGenerateText(parent: Command): void {
  const command = parent
    .command('text')
    .description(
      'Writes on from a prompt; t5 answers it, bert fills its gaps, [MASK]. The text goes to stdout as it comes.',
    )
    .option(
      '--model <run>',
      'a run or a Hugging Face folder (default: the gallery’s model for text)',
      textOption('--model', 'a folder'),
    )
    .option(
      '--prompt <text>',
      'what to write on from; - reads stdin (repeatable)',
      (text: string, before: string[] = []) => [...before, text],
    )
    .option('--out <file>', 'save what is made, with how, as JSON for `atelier remake`', textOption('--out', 'a file'))
    .option(
      '--draft <run>',
      'a smaller model with the same tokenizer that guesses ahead: faster where it is often right',
      textOption('--draft', 'a folder'),
    )
    .option(
      '--lookup <n>',
      'guess up to n tokens ahead from what followed the last ones before [1 to 64]',
      numberOption('--lookup', { whole: true, minimum: 1, maximum: 64 }),
    )
    .option('--chat', 'the prompt is what a user says; the model answers, by its chat template')
    .option('--system <text>', 'what such a conversation begins with', textOption('--system', 'a text'))
    .option(...threadsOption)
    .option(...engineOption)
  for (const option of samplerOptions()) command.addOption(option)
  runs<Options>(command, examples, generate)
}

const examples = [
  'atelier generate text --prompt "The people of the United States"',
  'atelier generate text --model runs/books --prompt "It was" --max-tokens 400 --temperature 0.7 --min-p 0.05',
  'atelier generate text --model runs/books --prompt "Dear" --n 3 --seed 7 --stop "\\n\\n" --json',
  'atelier generate text --prompt "We" --out we.json && atelier remake we.json',
  'atelier generate text --prompt "Born: " --regex "[0-9]{1,2} (May|June) 19[0-9]{2}"',
  'atelier generate text --prompt "A person:" --json-schema person.json --max-tokens 200',
  'atelier generate text --prompt "Autumn" --grammar haiku',
  'atelier generate text --model runs/blanks --prompt "To [MASK] or not to be" --json',
  'atelier generate text --model runs/titles --prompt "The sea at night" --beams 4',
  'atelier generate text --model runs/large --draft runs/small --prompt "It was"',
  'atelier generate text --model runs/letters --chat --system "Answer briefly." --prompt "What is the sea?"',
  'echo "Once upon a time" | atelier generate text --prompt -',
]

async function generate(options: Options, terminal: Terminal): Promise<Outcome> {
  const { seed = randomInt(2 ** 47), ...values } = samplerValues({ ...options }) as { seed?: number }
  const settings: Partial<SamplerSettings> = { ...values, ...(await readForms(options)), seed }
  for (const note of formOf(resolveSamplerSettings(settings))?.notes ?? []) terminal.note(dim(note))
  const words = needed(
    options.prompt,
    'generate text',
    '--prompt',
    'say what to write on from, such as --prompt "Once"',
  )
  const prompts = await promptsOf(words)
  const { TextModel } = await import('../text/text-model.ts')
  const { hasGap } = await import('../text/prompt.ts')
  const { out, threads, engine, lookup } = options
  if (options.draft !== undefined && lookup !== undefined)
    throw new ConfigError('--draft: it is given with --lookup, but one of them guesses; leave one out')
  if (options.system !== undefined && !options.chat)
    throw new ConfigError('--system: it begins a conversation; add --chat, or leave it out')
  const chat = options.chat ? given({ system: options.system }) : undefined
  if (out) await checkWritable(out)
  const model = await TextModel.load(options.model, given({ threads, engine }))
  let draft: TextModel | undefined
  try {
    if (model.family === 'masked' && prompts.some((prompt) => !hasGap(model.tokenizer, prompt)))
      terminal.note(dim('no [MASK] in the prompt: gaps behind it are filled, as many as --max-tokens says'))
    if (options.draft !== undefined) draft = await TextModel.load(options.draft, given({ threads, engine }))
    const speculation = draft ? { draft } : lookup === undefined ? undefined : { lookup }
    const begin = performance.now()
    const artifacts = await interruptible(
      () => {},
      (signal) => write(model, prompts, settings, given({ signal, speculation, chat }), terminal),
    )
    const seconds = (performance.now() - begin) / 1000
    const tokensPerSecond = artifacts.reduce((sum, { tokens }) => sum + tokens, 0) / seconds
    terminal.note(dim(closing(artifacts, tokensPerSecond)))
    const saved = out ? await save(artifacts, out, terminal) : {}
    const stopped = artifacts.some(({ finishReason }) => finishReason === 'aborted')
    const exitCode = 'error' in saved ? exitCodes.failed : stopped ? exitCodes.stopped : exitCodes.done
    return { result: { artifacts, tokensPerSecond, ...saved }, exitCode }
  } finally {
    await draft?.release()
    await model.release()
  }
}

/** Saves what was made; where it can't, says so and loses nothing. */
async function save(artifacts: readonly TextArtifact[], out: string, terminal: Terminal) {
  try {
    await writeJsonFile(out, artifacts.length === 1 ? artifacts[0] : { artifacts }, DataError)
    terminal.note(dim(`saved in ${out}`))
    return { saved: out }
  } catch (error) {
    terminal.note(`atelier: ${describeError(error)}`)
    return reportError(error)
  }
}

/** The prompts, `-` read from standard input. */
async function promptsOf(given: readonly string[]): Promise<readonly string[]> {
  if (!given.includes('-')) return given
  if (given.filter((prompt) => prompt === '-').length > 1)
    throw new ConfigError('--prompt: - is given twice, but stdin can be read once; leave one out')
  const input = decode(await readAll(process.stdin)).replace(/\r?\n$/, '')
  return given.map((prompt) => (prompt === '-' ? input : prompt))
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch (cause) {
    throw new DataError('read -: the prompt on stdin is not UTF-8 text; convert it, see iconv', {}, { cause })
  }
}

/** Writes a single text as it comes, several one after the other when they are done. */
async function write(
  model: TextModel,
  prompts: readonly string[],
  settings: Partial<SamplerSettings>,
  options: WriteOptions,
  terminal: Terminal,
): Promise<TextArtifact[]> {
  const single = prompts.length * (settings.n ?? 1) === 1
  if (single && terminal.watched.output && terminal.watched.progress)
    process.stderr.write(bold(shown(prompts[0]!, process.stderr)) + (model.continues && !options.chat ? '' : '\n'))
  const pieces = model.generate(prompts, settings, options)
  for (;;) {
    const { done, value } = await pieces.next()
    if (!done && single) terminal.write(shown(value.text))
    if (!done) continue
    if (single) terminal.say()
    else for (const artifact of value) show(artifact, value.length, terminal)
    return value
  }
}

function show({ row, prompt, text }: TextArtifact, of: number, terminal: Terminal): void {
  const begin = prompt.length > 60 ? `${prompt.slice(0, 60)}…` : prompt
  terminal.say(heading(`── ${row + 1} of ${of}: ${shown(begin)}`))
  terminal.say(`${shown(text)}\n`)
}

const endings = {
  stop: 'ended at a stop string',
  length: 'ended at the length allowed',
  endOfText: 'ended at the end of the text',
  aborted: 'stopped',
  complete: 'nothing was left to write',
} as const

function endingOf({ finishReason, tokens, settings }: TextArtifact): string {
  if (finishReason !== 'length' || tokens >= settings.maxTokens) return endings[finishReason]
  return 'ended where the model’s context does'
}

function closing(artifacts: readonly TextArtifact[], tokensPerSecond: number): string {
  const tokens = artifacts.reduce((sum, artifact) => sum + artifact.tokens, 0)
  const [first] = artifacts
  const ending = artifacts.length === 1 ? [endingOf(first!)] : []
  const speed = `${count(tokensPerSecond)} tokens/s`
  return [
    `seed ${first!.seed}`,
    `${count(tokens)} ${tokens === 1 ? 'token' : 'tokens'}`,
    speed,
    ...guessesOf(artifacts),
    ...ending,
  ].join(' · ')
}

/** The share of guesses that stood, where there were any. */
function guessesOf(artifacts: readonly TextArtifact[]): string[] {
  const sum = (name: 'guessed' | 'accepted') =>
    artifacts.reduce((total, { speculation }) => total + (speculation?.[name] ?? 0), 0)
  const guessed = sum('guessed')
  return guessed === 0 ? [] : [`${Math.round((100 * sum('accepted')) / guessed)} % of ${count(guessed)} guesses right`]
}
