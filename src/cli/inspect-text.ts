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
  const { architecture, dimensions, parameters, flopsPerToken, memory, tokenizer, files, digest, lineage } = found
  const { dModel, nLayers, nHeads, nKvHeads, contextLength } = dimensions
  const heads = nKvHeads === nHeads ? `${nHeads} heads` : `${nHeads} heads, ${nKvHeads} of keys and values`
  terminal.say(heading(architecture.title))
  terminal.say(
    table([
      ['shape', `${nLayers} layers, width ${dModel}, ${heads}, context ${count(contextLength)}`],
      [
        'parameters',
        `${count(parameters.total)} (${short(parameters.embedding)} of embeddings, ${short(parameters.perLayer)} a layer)`,
      ],
      ['tokenizer', `${tokenizer.kind}, ${count(tokenizer.vocabulary)} tokens`],
      ['work a token', `${short(flopsPerToken.forward)}FLOP to write, ${short(flopsPerToken.training)}FLOP to train`],
      [
        'weights',
        `${bytes(memory.weights.float32)}; 16 bits ${bytes(memory.weights.float16)}, 8 bits ${bytes(memory.weights.bits8)}, 4 bits ${bytes(memory.weights.bits4)}`,
      ],
      ['cache', `${bytes(memory.cachePerToken)} a token, ${bytes(memory.cacheAtFullContext)} at full context`],
      ['training state', bytes(memory.trainingState)],
      ['on disk', `${bytes(files.reduce((sum, file) => sum + file.bytes, 0))} in ${files.length} files`],
      ['digest', digest],
    ]),
  )
  if (!lineage) return
  terminal.say(heading('\nLineage'))
  terminal.say(shown(table(lineageRows(lineage))))
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
