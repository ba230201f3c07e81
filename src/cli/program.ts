import { Command, CommanderError } from 'commander'
import { version } from '../version.ts'
import type { AddCommand } from './command.ts'
import { type Craft, crafts } from './crafts.ts'
import { addData } from './data.ts'
import { addEvaluate } from './evaluate.ts'
import { describeError, exitCodeOf, exitCodes, reportError, usageError } from './failure.ts'
import { addInspect } from './inspect.ts'
import { addRemake } from './remake.ts'
import { addStart } from './start.ts'

/**
 * Runs a command line, `atelier` left out, and sets the process's exit code. A failure is one line on stderr, and with
 * `--json` the object `{error: {kind, message, details}}` on stdout.
 */
export async function main(words: readonly string[]): Promise<void> {
  process.stdout.on('error', leaveQuietly)
  process.stderr.on('error', leaveQuietly)
  const program = createProgram()
  try {
    if (words.length === 0) program.outputHelp()
    else await program.parseAsync(words, { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return
    fail(error, words.includes('--json'))
  }
}

/** The tree of commands. */
export function createProgram(): Command {
  const program = new Command('atelier')
    .description('Trains, samples, evaluates and remakes generative models.')
    .version(version, '-v, --version', 'say the version')
    .helpOption('-h, --help', 'show this')
    .helpCommand('help [command]', 'show the help of a command')
    .addHelpText('after', overview)
  addStart(program)
  addGroup(program, 'train', 'train a model', (craft) => craft.train)
  addGroup(program, 'generate', 'make something with a model', (craft) => craft.generate)
  for (const add of [addEvaluate, addInspect, addRemake, addData]) add(program)
  return strictly(program)
}

const overview = `
Begin with:
  $ atelier start                                    train a first model and read what it writes
  $ atelier train text --data books/ --out runs/mine
  $ atelier generate text --model runs/mine --prompt "Once"
All commands take --json and --help. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 stopped by Ctrl-C.`

function addGroup(program: Command, name: string, what: string, pick: (craft: Craft) => AddCommand) {
  const group = program.command(name).description(`${what}: ${crafts.map((craft) => craft.name).join(', ')}`)
  for (const craft of crafts) pick(craft)(group)
}

/** Lets the parser throw what it finds wrong instead of writing it, on all commands. */
function strictly(command: Command, path = command.name()): Command {
  command.configureOutput({ writeErr: () => {} }).exitOverride((error) => {
    if (error.exitCode === 0) throw error
    throw usageError(error, command, path)
  })
  for (const child of command.commands) strictly(child, `${path} ${child.name()}`)
  return command
}

function fail(error: unknown, json: boolean): void {
  if (process.env.ATELIER_DEBUG) console.error(error)
  else process.stderr.write(`atelier: ${describeError(error)}\n`)
  if (json) process.stdout.write(`${JSON.stringify(reportError(error))}\n`)
  process.exitCode = exitCodeOf(error)
}

/** Whoever read our output has seen enough, as `| head` has. */
function leaveQuietly(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error
  process.exit(process.exitCode ?? exitCodes.done)
}
