import type { Command } from 'commander'
import { type Outcome, runs } from './command.ts'
import type { RemakeOptions } from './craft.ts'
import { textOption, threadsOption } from './options.ts'
import type { Terminal } from './terminal.ts'

/** `atelier remake`, by the kind of the artifact. */
export function addRemake(parent: Command): void {
  const command = parent
    .command('remake')
    .description(
      'Makes what an artifact’s record describes again, and says whether it is identical (else exits with 1).',
    )
    .argument(
      '<artifact>',
      'JSON that `generate` saved with --out or printed with --json',
      textOption('remake', 'a file'),
    )
    .option(
      '--model <run>',
      'where the model lies now (default: where the record says)',
      textOption('--model', 'a folder'),
    )
    .option(...threadsOption)
  runs<RemakeOptions>(command, examples, remake)
}

const examples = [
  'atelier generate text --prompt "We" --out we.json && atelier remake we.json',
  'atelier generate image --n 16 --grid --out grid.png && atelier remake grid.json',
  'atelier remake we.json --model moved/runs/books --json',
]

async function remake(options: RemakeOptions, terminal: Terminal, [path = '']: readonly string[]): Promise<Outcome> {
  const { craftOfArtifact } = await import('./craft-of.ts')
  return (await craftOfArtifact(path)).remake(path, options, terminal)
}
