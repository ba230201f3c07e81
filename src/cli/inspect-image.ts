import type { ImageInspection, ImageLineage } from '../image/inspect.ts'
import type { Outcome } from './command.ts'
import { bytes, clock, count, table } from './format.ts'
import { heading, shown, type Terminal } from './terminal.ts'

/** `atelier inspect` for pictures. */
export async function inspectImage(run: string, terminal: Terminal): Promise<Outcome> {
  const { inspectImageModel } = await import('../image/inspect.ts')
  const result = await inspectImageModel(run)
  describe(result, terminal)
  return { result }
}

function describe(found: ImageInspection, terminal: Terminal): void {
  const { architecture, config, parameters, memory, files, digest, lineage } = found
  const { imageSize, channels, latentSize, blocks, generatorWidth, maxWidth } = config
  const planes = { 1: 'grey', 3: 'colour', 4: 'colour with opacity' }[channels]
  const absent = parameters.kept ? '' : ', not in this folder'
  terminal.say(heading(architecture.title))
  terminal.say(
    table([
      ['pictures', `${imageSize} × ${imageSize}, ${planes}`],
      ['asked for by', shown(conditioningOf(found))],
      ['shape', `latent ${latentSize}, ${blocks} blocks a size, ${generatorWidth} to ${maxWidth} channels`],
      ['generator', `${count(parameters.generator)} parameters`],
      ['discriminator', `${count(parameters.discriminator)} parameters${absent}`],
      ['weights', `${bytes(memory.generator.float32)} to paint with; 16 bits ${bytes(memory.generator.float16)}`],
      ['training state', bytes(memory.trainingState)],
      ['on disk', `${bytes(files.reduce((sum, file) => sum + file.bytes, 0))} in ${files.length} files`],
      ['digest', digest],
    ]),
  )
  if (!lineage) return
  terminal.say(heading('\nLineage'))
  terminal.say(shown(table(lineageRows(lineage))))
}

function conditioningOf({ config, classes }: ImageInspection): string {
  const { conditioning } = config
  if (conditioning.kind === 'text')
    return `words, at most ${conditioning.maxTokens} tokens of ${count(conditioning.vocabSize)}`
  if (conditioning.kind === 'none') return 'nothing: pictures as they come'
  const some = classes.slice(0, 12).map((name, index) => `${index} ${name}`)
  return `class: ${some.join(', ')}${classes.length > some.length ? ` and ${classes.length - some.length} more` : ''}`
}

function lineageRows(lineage: ImageLineage): [string, string][] {
  const { created, atelier, preset, seed, steps, seconds = 0, sources, licence, dataDigest, engine } = lineage
  return [
    ['begun', `${created} by atelier ${atelier}, preset ${preset}, seed ${seed}`],
    ['trained', steps === undefined ? 'not yet' : `${count(steps)} rounds, ${clock(seconds)}`],
    ['data', `${sources.join(', ')}${licence ? `, ${licence}` : ''}`],
    ['data digest', dataDigest],
    ['engine', `${engine.library}, ${engine.platform}, ${engine.threads} threads`],
  ]
}
