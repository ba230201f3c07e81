import type { Command } from 'commander'
import type { Remake } from '../text/remake.ts'
import { type Outcome, runs } from './command.ts'
import { exitCodes } from './failure.ts'
import { given, textOption, threadsOption } from './options.ts'
import { shown, type Terminal } from './terminal.ts'

interface Options {
  readonly model?: string
  readonly threads?: number
}

/** `atelier remake`. */
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
  runs<Options>(command, examples, remake)
}

const examples = [
  'atelier generate text --prompt "We" --out we.json && atelier remake we.json',
  'atelier remake we.json --model moved/runs/books --json',
]

async function remake(options: Options, terminal: Terminal, [path = '']: readonly string[]): Promise<Outcome> {
  const { remakeArtifact } = await import('../text/remake.ts')
  const { model, threads } = options
  const result = await remakeArtifact(path, given({ model, threads }))
  for (const one of result.remakes) terminal.say(shown(describe(one)))
  return { result, exitCode: result.identical ? exitCodes.done : exitCodes.failed }
}

function describe({ identical, remade, ...remake }: Remake): string {
  const name = `text ${remade.row + 1}, seed ${remade.seed}`
  if (identical) return `${name}: identical, ${remade.tokens} tokens`
  const { differing, firstDifferentToken, logProbabilityDifference, changed } = remake
  const where = firstDifferentToken === undefined ? [] : [`first different token: ${firstDifferentToken + 1}`]
  const far = logProbabilityDifference === undefined ? [] : [`${logProbabilityDifference.toPrecision(3)} nats apart`]
  const why = changed.map(({ what, recorded, here }) => `${what} was ${recorded}, is ${here}`)
  return [`${name}: not identical (${differing.join(', ')})`, ...where, ...far, ...why].join('; ')
}
