import type { Command } from 'commander'
import { ConfigError } from '../errors.ts'
import type { QuantizeFigures, QuantizeResult } from '../text/quantize-text.ts'
import { type Outcome, runs } from './command.ts'
import { bytes, count, table } from './format.ts'
import { interruptible } from './interrupt.ts'
import { given, needed, textOption, textsOption, threadsOption } from './options.ts'
import { Progress } from './progress.ts'
import { findSources } from './sources.ts'
import { heading, type Terminal } from './terminal.ts'

interface Options {
  readonly bits?: 4 | 8
  readonly out?: string
  readonly data?: readonly string[]
  readonly field?: string
  readonly threads?: number
}

/** `atelier quantize`. */
export function addQuantize(parent: Command): void {
  const command = parent
    .command('quantize')
    .description(
      'Puts a text model in 8 or 4 bits, and measures what that costs and gives. The folder loads as any model.',
    )
    .argument('<run>', 'a run, a model of the gallery, or a Hugging Face folder', textOption('quantize', 'a run'))
    .option('--bits <n>', 'bits of the matrices in layers, 8 or 4; others get 8', bitsOf)
    .option('--out <folder>', 'folder of the new model', textOption('--out', 'a folder'))
    .option(
      '--data <path...>',
      'measure on this instead of what was held out: files, folders, patterns, - for stdin, or a known data set',
      textsOption('--data', 'a file, a folder, a pattern or a data set'),
    )
    .option('--field <name>', 'field of JSON, CSV and Parquet that holds the text', textOption('--field', 'a name'))
    .option(...threadsOption)
  runs<Options>(command, examples, quantize)
}

const examples = [
  'atelier quantize runs/books --bits 4 --out runs/books-4bit',
  'atelier quantize gallery/en --bits 8 --out en-8bit --data held-out.txt --json',
  'atelier generate text --model runs/books-4bit --prompt "It was"',
]

function bitsOf(text: string): 4 | 8 {
  if (text === '4' || text === '8') return Number(text) as 4 | 8
  throw new ConfigError(`--bits: got '${text}', wanted 8 or 4`, { option: '--bits' })
}

async function quantize(options: Options, terminal: Terminal, [run = '']: readonly string[]): Promise<Outcome> {
  const bits = needed(options.bits, 'quantize', '--bits', 'choose --bits 8 or --bits 4')
  const out = needed(options.out, 'quantize', '--out', 'name a folder for the new model, such as --out runs/small')
  const { quantizeText } = await import('../text/quantize-text.ts')
  const progress = new Progress(terminal)
  const { field, threads, data } = options
  const onProgress = ({ done, total }: { readonly done: number; readonly total: number }) =>
    progress.show('measuring', done / total, `${count(done)} of ${count(total)}`)
  try {
    const result = await interruptible(
      () => progress.line('stopping'),
      async (signal) => {
        const { paths } = data ? await findSources(data, progress, signal) : {}
        return quantizeText(run, { bits, out, signal, onProgress, ...given({ data: paths, field, threads }) })
      },
    )
    progress.end()
    describe(result, terminal)
    return { result }
  } finally {
    progress.end()
  }
}

function describe({ bits, matrices, before, after, out }: QuantizeResult, terminal: Terminal): void {
  const row = (name: string, tell: (figures: QuantizeFigures) => string) =>
    [name, `${tell(before)} → ${tell(after)}`] as const
  terminal.say(
    heading(`${matrices} matrices in ${bits === 8 ? '8 bits' : '4 bits, those outside of layers in 8'}: ${out}`),
  )
  terminal.say(
    table([
      row('bits per byte', ({ bitsPerByte }) => bitsPerByte.toFixed(4)),
      row('tokens/s', ({ tokensPerSecond }) => count(tokensPerSecond)),
      row('size', ({ bytes: size }) => bytes(size)),
    ]),
  )
}
