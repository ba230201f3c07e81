import { basename, join } from 'node:path'
import type { Command } from 'commander'
import { shellWord } from '../files/shell-word.ts'
import { type Outcome, runs } from './command.ts'
import { bytes, table } from './format.ts'
import { interruptible } from './interrupt.ts'
import { numberOption, textOption } from './options.ts'
import { Progress } from './progress.ts'
import { heading, shown, type Terminal } from './terminal.ts'

interface Options {
  readonly revision?: string
  readonly out?: string
  readonly most?: number
}

/** `atelier pull`. */
export function addPull(parent: Command): void {
  const command = parent
    .command('pull')
    .description(
      'Copies a published model from a hub: configuration, tokenizer and safetensors, each checked by its digest. HF_TOKEN opens gated models, HF_ENDPOINT names another hub.',
    )
    .argument('<model>', 'OWNER/NAME', textOption('pull', 'OWNER/NAME'))
    .option('--revision <name>', 'a branch, a tag or a commit [default: main]', textOption('--revision', 'a revision'))
    .option('--out <folder>', 'the new folder [default: models/NAME]', textOption('--out', 'a folder'))
    .option('--most <gb>', 'refuse models of more GB [default: 32]', numberOption('--most', { above: 0 }))
  runs<Options>(command, examples, pull)
}

const examples = [
  'atelier pull OWNER/NAME',
  'atelier pull OWNER/NAME --revision v1.0 --out models/small --json',
  'atelier generate text --model models/NAME --prompt "Once"',
]

async function pull(options: Options, terminal: Terminal, [name = '']: readonly string[]): Promise<Outcome> {
  const { hubModel } = await import('../data/hub-files.ts')
  const { pullModel } = await import('../data/pull-model.ts')
  const model = hubModel(name, options.revision)
  const out = options.out ?? join('models', basename(name))
  const progress = new Progress(terminal)
  try {
    const result = await interruptible(
      () => progress.line('stopping: what has come is kept'),
      (signal) =>
        pullModel(model, {
          out,
          signal,
          mostBytes: options.most === undefined ? undefined : options.most * 1e9,
          onProgress: (done, total) =>
            progress.show(`pulling ${name}`, done / total, `${bytes(done)} of ${bytes(total)}`),
        }),
    )
    progress.end()
    terminal.say(heading(`${shown(result.repository)} at ${result.commit}${result.isNew ? '' : ', which was there'}`))
    terminal.say(table(result.files.map((file) => [file.name, bytes(file.bytes)])))
    terminal.say(`\natelier generate text --model ${shellWord(out)} --prompt "…"`)
    return { result }
  } finally {
    progress.end()
  }
}
