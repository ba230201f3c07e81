import type { Lineage, ModelInspection } from '../text/inspect.ts'
import type { Outcome } from './command.ts'
import { bytes, clock, count, short, table } from './format.ts'
import { heading, shown, type Terminal } from './terminal.ts'

/** `atelier inspect` for text. */
export async function inspectText(run: string, terminal: Terminal): Promise<Outcome> {
  const { inspectModel } = await import('../text/inspect.ts')
  const result = await inspectModel(run)
  describe(result, terminal)
  return { result }
}

function describe(found: ModelInspection, terminal: Terminal): void {
  const { architecture, parameters, tokenizer, files, digest, lineage, adapter } = found
  terminal.say(heading(architecture.title))
  terminal.say(
    table([
      ['shape', shapeOf(found)],
      ['parameters', `${count(parameters.total)} (${parameters.parts.map(partOf).join(', ')})`],
      ...(adapter ? [['adapter', adapterLine(adapter)] as const] : []),
      ['tokenizer', `${tokenizer.kind}, ${count(tokenizer.vocabulary)} tokens`],
      ...costRows(found),
      ['on disk', `${bytes(files.reduce((sum, file) => sum + file.bytes, 0))} in ${files.length} files`],
      ['digest', digest],
    ]),
  )
  if (!lineage) return
  terminal.say(heading('\nLineage'))
  terminal.say(shown(table(lineageRows(lineage))))
}

function shapeOf({ dimensions, architecture }: ModelInspection): string {
  const { dModel, nLayers, nHeads, contextLength } = dimensions
  const nKvHeads = 'nKvHeads' in dimensions ? dimensions.nKvHeads : nHeads
  const heads = nKvHeads === nHeads ? `${nHeads} heads` : `${nHeads} heads, ${nKvHeads} of keys and values`
  const reading = 'nEncoderLayers' in dimensions ? `${dimensions.nEncoderLayers} layers that read, ` : ''
  const layers = `${nLayers} layers${reading ? ' that write' : ''}`
  const sees = architecture.family === 'masked' ? ', each token sees all' : ''
  return `${reading}${layers}, width ${dModel}, ${heads}, context ${count(contextLength)}${sees}`
}

function partOf({ part, parameters }: ModelInspection['parameters']['parts'][number]): string {
  return `${part} ${short(parameters)}`
}

function adapterLine({ rank, scale, matrices, parameters, base }: NonNullable<ModelInspection['adapter']>): string {
  return `rank ${rank}, scale ${Number(scale.toPrecision(3))}, on ${matrices} matrices of ${shown(base)}: ${short(parameters)} parameters`
}

function costRows({ flopsPerToken, memory }: ModelInspection): [string, string][] {
  const { forward, reading, training } = flopsPerToken
  const { weights, cachePerToken, cacheAtFullContext, trainingState } = memory
  const read = reading === undefined ? '' : `, ${short(reading)}FLOP to read`
  return [
    ['work a token', `${short(forward)}FLOP to write${read}, ${short(training)}FLOP to train`],
    [
      'weights',
      `${bytes(weights.float32)}; 16 bits ${bytes(weights.float16)}, 8 bits ${bytes(weights.bits8)}, 4 bits ${bytes(weights.bits4)}`,
    ],
    ...(cachePerToken === undefined || cacheAtFullContext === undefined
      ? []
      : [
          ['cache', `${bytes(cachePerToken)} a token, ${bytes(cacheAtFullContext)} at full context`] as [
            string,
            string,
          ],
        ]),
    ['training state', bytes(trainingState)],
  ]
}

function lineageRows(lineage: Lineage): [string, string][] {
  const { created, atelier, preset, sources, licence, dataDigest, seed, engine, steps, tokensSeen, seconds, best } =
    lineage
  const trained =
    steps === undefined ? 'not yet' : `${count(steps)} steps, ${short(tokensSeen ?? 0)} tokens, ${clock(seconds ?? 0)}`
  return [
    ['begun', `${created} by atelier ${atelier}, preset ${preset}, seed ${seed}`],
    [
      'trained',
      best ? `${trained}; kept step ${count(best.step)}, held-out loss ${best.validationLoss.toFixed(3)}` : trained,
    ],
    ['data', `${sources.join(', ')}${licence ? `, ${licence}` : ''}`],
    ['data digest', dataDigest],
    ['engine', `${engine.library}, ${engine.platform}, ${engine.threads} threads`],
  ]
}
