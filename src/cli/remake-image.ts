import type { ImageRemake } from '../image/remake.ts'
import type { Outcome } from './command.ts'
import type { RemakeOptions } from './craft.ts'
import { exitCodes } from './failure.ts'
import { interruptible } from './interrupt.ts'
import { given } from './options.ts'
import { shown, type Terminal } from './terminal.ts'

/** `atelier remake` for pictures. */
export async function remakeImage(path: string, options: RemakeOptions, terminal: Terminal): Promise<Outcome> {
  const { remakeImages } = await import('../image/remake.ts')
  const { model, threads } = options
  const { identical, remakes } = await interruptible(
    () => terminal.note('stopping'),
    (signal) => remakeImages(path, { ...given({ model, threads }), signal }),
  )
  for (const one of remakes) terminal.say(shown(describe(one)))
  const told = remakes.map(({ pictures: _, ...rest }) => rest)
  return { result: { identical, remakes: told }, exitCode: identical ? exitCodes.done : exitCodes.failed }
}

function describe({ identical, recorded, changed }: ImageRemake): string {
  const { seed, index, loop, file } = recorded
  const name = `${loop ? `loop of ${loop.frames} frames` : `picture ${index + 1}`}, seed ${seed}${file ? ` (${file})` : ''}`
  if (identical) return `${name}: identical`
  const why = changed.map((one) => `${one.what} was ${one.recorded}, is ${one.here}`)
  return [`${name}: not identical`, ...why].join('; ')
}
