import type { Command } from 'commander'
import { type Outcome, runs } from './command.ts'
import { bytes, count } from './format.ts'
import { interruptible } from './interrupt.ts'
import { given, textOption, textsOption } from './options.ts'
import { Progress } from './progress.ts'
import { findSources } from './sources.ts'
import type { Terminal } from './terminal.ts'

interface Options {
  readonly data?: readonly string[]
  readonly field?: string
}

/** `atelier guard`. */
export function addGuard(parent: Command): void {
  const command = parent
    .command('guard')
    .description(
      'Keeps a text model from copying what it learned from: writes copy-guard.safetensors into its folder, which is heeded whenever it writes, but for forms (--regex, --json-schema, --grammar).',
    )
    .argument('<run>', 'a run, or a Hugging Face folder', textOption('guard', 'a run'))
    .option(
      '--data <path...>',
      'guard this instead of what the run learned from: files, folders, patterns, - for stdin, or a known data set',
      textsOption('--data', 'a file, a folder, a pattern or a data set'),
    )
    .option('--field <name>', 'field of JSON, CSV and Parquet that holds the text', textOption('--field', 'a name'))
  runs<Options>(command, examples, guard)
}

const examples = [
  'atelier guard runs/letters',
  'atelier guard models/writer --data letters/',
  'atelier generate text --model runs/letters --allow-copies',
]

async function guard({ data, field }: Options, terminal: Terminal, [run = '']: readonly string[]): Promise<Outcome> {
  const { guardText } = await import('../text/guard-text.ts')
  const progress = new Progress(terminal)
  const onProgress = ({ done, total }: { readonly done: number; readonly total: number }) =>
    progress.show('reading', done / total, `${count(done)} of ${count(total)} tokens, each read twice`)
  try {
    const result = await interruptible(
      () => progress.line('stopping'),
      async (signal) => {
        const { paths } = data ? await findSources(data, progress, signal) : {}
        return guardText(run, { signal, onProgress, ...given({ data: paths, field }) })
      },
    )
    progress.end()
    terminal.say(
      `${result.path}: ${bytes(result.bytes)}; a copy breaks off where a word begins after ${result.guardedBytes} bytes of it`,
    )
    return { result }
  } finally {
    progress.end()
  }
}
