import type { Command } from 'commander'
import { type Outcome, runs } from './command.ts'
import { needed, textOption } from './options.ts'
import type { Terminal } from './terminal.ts'

interface Options {
  readonly out?: string
}

/** `atelier merge`. */
export function addMerge(parent: Command): void {
  const command = parent
    .command('merge')
    .description('Makes one model of a low-rank adapter in PEFT’s form and the model that it adapts.')
    .argument('<adapter>', 'a folder with adapter_config.json', textOption('merge', 'a folder'))
    .option('--out <folder>', 'folder of the new model', textOption('--out', 'a folder'))
  runs<Options>(command, ['atelier merge adapters/letters --out models/letters'], merge)
}

async function merge(options: Options, terminal: Terminal, [adapter = '']: readonly string[]): Promise<Outcome> {
  const out = needed(options.out, 'merge', '--out', 'name a folder for the new model, such as --out models/merged')
  const { mergeText } = await import('../text/merge-text.ts')
  const result = await mergeText(adapter, { out })
  terminal.say(`${result.matrices} matrices changed by an adapter of rank ${result.rank}: ${out}`)
  return { result }
}
