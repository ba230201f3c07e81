import type { Remake } from '../text/remake.ts'
import type { Outcome } from './command.ts'
import type { RemakeOptions } from './craft.ts'
import { exitCodes } from './failure.ts'
import { given } from './options.ts'
import { shown, type Terminal } from './terminal.ts'

/** `atelier remake` for text. */
export async function remakeText(path: string, options: RemakeOptions, terminal: Terminal): Promise<Outcome> {
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
