import { Command, CommanderError } from 'commander'
import { fileError } from '../files/file-error.ts'
import { version } from '../version.ts'
import type { AddCommand } from './command.ts'
import type { Craft } from './craft.ts'
import { crafts } from './crafts.ts'
import { addData } from './data.ts'
import { addEvaluate } from './evaluate.ts'
import { addExport } from './export.ts'
import { describeError, exitCodeOf, exitCodes, reportError, usageError } from './failure.ts'
import { addGallery } from './gallery.ts'
import { addGuard } from './guard.ts'
import { addInspect } from './inspect.ts'
import { addMerge } from './merge.ts'
import { addPull } from './pull.ts'
import { addQuantize } from './quantize.ts'
import { addRemake } from './remake.ts'
import { addStart } from './start.ts'
import { shown } from './terminal.ts'

/**
 * Runs a command line, `atelier` left out, and sets the process's exit code. A failure is one line on stderr, and with
 * `--json` the object `{error: {kind, message, details}}` on stdout.
 */
export async function main(words: readonly string[]): Promise<void> {
  for (const name of ['stdout', 'stderr'] as const) process[name].on('error', (error) => leave(name, error))
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
  for (const add of [
    addEvaluate,
    addInspect,
    addPull,
    addQuantize,
    addMerge,
    addGuard,
    addRemake,
    addExport,
    addData,
    addGallery,
  ])
    add(program)
  return strictly(program)
}

const overview = `
Begin with:
  $ atelier start                                    see what the gallery writes, then train a first model
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
  else process.stderr.write(`atelier: ${shown(describeError(error), process.stderr)}\n`)
  if (json) process.stdout.write(`${JSON.stringify(reportError(error))}\n`)
  process.exitCode = exitCodeOf(error)
}

/** Ends the process: quietly where the reader has seen enough, as `| head` has, else with a line that says why. */
function leave(stream: 'stdout' | 'stderr', error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(process.exitCode ?? exitCodes.done)
  if (stream === 'stdout') process.stderr.write(`atelier: ${describeError(fileError('write', stream, error))}\n`)
  process.exit(exitCodes.failed)
}
