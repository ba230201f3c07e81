import type { Command } from 'commander'
import { Terminal } from './terminal.ts'

/** What a command has to tell a program, and the shell. */
export interface Outcome {
  readonly result: object
  readonly exitCode?: number
}

/** The work of a command: its options, what stands beside them, and where it writes. */
export type Work<Options> = (options: Options, terminal: Terminal, words: readonly string[]) => Promise<Outcome>

/** Adds one command below another, given by how its part of the tree is described. */
export type AddCommand = (parent: Command) => void

/** Gives a command its work, and what all commands have: `--json`, and examples under `--help`. */
export function runs<Options>(command: Command, examples: readonly string[], work: Work<Options>): Command {
  return command
    .option('--json', 'end stdout with one JSON object')
    .addHelpText('after', `\nExamples:\n${examples.map((example) => `  $ ${example}`).join('\n')}`)
    .action(async () => {
      const options = command.opts<Options & { json?: boolean }>()
      const terminal = new Terminal(options.json ?? false)
      const { result, exitCode = 0 } = await work(options, terminal, command.args)
      terminal.finish(result)
      process.exitCode = exitCode
    })
}
