import { existsSync } from 'node:fs'
import type { Command } from 'commander'
import { shellWord } from '../files/shell-word.ts'
import type { TextRunResult } from '../text/text-run.ts'
import { type Outcome, runs } from './command.ts'
import { exitCodes } from './failure.ts'
import { interruptible } from './interrupt.ts'
import { given, numberOption, textOption, textsOption, threadsOption } from './options.ts'
import { findSources } from './sources.ts'
import { bold, heading, shown, type Terminal } from './terminal.ts'
import { summary, TrainingDisplay } from './training-display.ts'

interface Options {
  readonly data?: readonly string[]
  readonly out?: string
  readonly minutes?: number
  readonly threads?: number
}

const prompt = 'The people of the United States'
/** With reading, measuring and writing the whole stays under three minutes on two cores. */
const defaultMinutes = 2

/** `atelier start`. */
export function addStart(parent: Command): void {
  const command = parent
    .command('start')
    .description(
      'Lets the gallery’s model write, then trains a first model in less than three minutes, and lets that write.',
    )
    .option(
      '--data <path...>',
      'learn from this instead (default: state-of-the-union)',
      textsOption('--data', 'a file, a folder, a pattern or a data set'),
    )
    .option('--out <run>', 'folder of the run (default: runs/first, runs/first-2 …)', textOption('--out', 'a folder'))
    .option('--minutes <m>', `train for so long [default: ${defaultMinutes}]`, numberOption('--minutes', { above: 0 }))
    .option(...threadsOption)
  runs<Options>(command, ['npm start', 'atelier start --minutes 10', 'atelier start --data my-texts/'], start)
}

async function start(options: Options, terminal: Terminal): Promise<Outcome> {
  const { defaultDataset } = await import('../data/catalog.ts')
  const { trainText } = await import('../text/train-text.ts')
  const { data = [defaultDataset], out = freeFolder(), minutes = defaultMinutes, threads } = options
  const { galleryFolder } = await import('../text/text-model.ts')
  const display = new TrainingDisplay(terminal)
  const onStop = () => display.progress.line('stopping after this step, with a checkpoint; Ctrl-C again ends at once')
  const trained = await interruptible(onStop, async (signal) => {
    const { paths, names, licence } = await findSources(data, display.progress, signal)
    await write(galleryFolder, 'What gallery/en writes, a model that comes with Atelier', threads, terminal, signal)
    terminal.note(bold(`A small Transformer learns to write from ${data.join(', ')}, in about ${minutes} minutes.`))
    const events = trainText({
      ...given({ licence, threads }),
      data: paths,
      sources: names,
      out,
      prompt,
      budget: { minutes },
      signal,
    })
    return display.follow(events)
  })
  const artifacts = trained.stopped ? [] : await write(out, 'What it writes', threads, terminal)
  terminal.say(heading('\nThe run'))
  terminal.say(summary(trained))
  terminal.say(heading('\nWhat to try next'))
  terminal.say(
    nextSteps(trained, minutes)
      .map((line) => `  ${line}`)
      .join('\n'),
  )
  return { result: { ...trained, artifacts }, exitCode: trained.stopped ? exitCodes.stopped : exitCodes.done }
}

async function write(
  folder: string,
  title: string,
  threads: number | undefined,
  terminal: Terminal,
  signal?: AbortSignal,
) {
  const { TextModel } = await import('../text/text-model.ts')
  const model = await TextModel.load(folder, given({ threads }))
  try {
    terminal.say(heading(title))
    terminal.write(heading(prompt))
    const pieces = model.generate([prompt], { maxTokens: 120, seed: 0 }, given({ signal }))
    for (;;) {
      const { done, value } = await pieces.next()
      if (done) {
        terminal.say()
        return value
      }
      terminal.write(shown(value.text))
    }
  } finally {
    await model.release()
  }
}

function nextSteps({ run: folder, report, stopped }: TextRunResult, minutes: number): string[] {
  const run = shellWord(folder)
  if (stopped) return [`go on:   npx atelier train text --out ${run} --resume`]
  return [
    `look at  ${report} in a browser`,
    `write:   npx atelier generate text --model ${run} --prompt "My fellow citizens"`,
    `measure: npx atelier evaluate ${run}`,
    `longer:  npx atelier train text --out ${run} --resume --minutes ${5 * minutes}`,
    'more:    npx atelier gallery',
    'yours:   npx atelier train text --data your-texts/ --out runs/mine --minutes 10',
  ]
}

/** A folder that does not exist yet. */
function freeFolder(): string {
  for (let i = 1; ; i++) {
    const folder = i === 1 ? 'runs/first' : `runs/first-${i}`
    if (!existsSync(folder)) return folder
  }
}
