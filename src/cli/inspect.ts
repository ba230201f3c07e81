import type { Command } from 'commander'
import { resolveModelFolder } from '../files/gallery-folder.ts'
import { type Outcome, runs } from './command.ts'
import { textOption } from './options.ts'
import type { Terminal } from './terminal.ts'

/** `atelier inspect`, by the craft of the run. */
export function addInspect(parent: Command): void {
  const command = parent
    .command('inspect')
    .description('Tells what a run or a model’s folder holds: parameters, sizes, work, memory, where it comes from.')
    .argument('<run>', 'a run, a model of the gallery, or a Hugging Face folder', textOption('inspect', 'a run'))
  const examples = ['atelier inspect runs/books', 'atelier inspect gallery/emoji', 'atelier inspect runs/books --json']
  runs<object>(command, examples, inspect)
}

async function inspect(_: object, terminal: Terminal, [run = '']: readonly string[]): Promise<Outcome> {
  const { craftOfFolder } = await import('./craft-of.ts')
  const folder = resolveModelFolder(run)
  return (await craftOfFolder(folder)).inspect(folder, terminal)
}
