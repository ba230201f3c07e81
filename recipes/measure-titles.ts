/**
 * Compares the model that writes from titles with the gallery's decoders, given the same titles and a new line: by the
 * likelihood of texts that neither saw (recipes/texts/titles.ts).
 *
 *     npm run recipe -- measure-titles [RUN] [PAIRS]
 *
 * Takes PAIRS (300) test pairs of each kind, drawn at random, and writes what it finds into RUN/titles.json (runs/titles) and
 * the card of gallery/t5, where there is one.
 */
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { bootstrapInterval, mean } from '../src/evaluate/bootstrap.ts'
import { writeJsonFile } from '../src/files/json-file.ts'
import { Random } from '../src/random/random.ts'
import { evaluateText } from '../src/text/evaluate-text.ts'
import { noteInTextCard } from './text-gallery.ts'
import { type TitlePair, titlePairs } from './texts/titles.ts'

const [run = 'runs/titles', pairs = '300'] = process.argv.slice(2)

/** The decoder of the gallery that knows each kind of text. */
const decoders: Readonly<Record<string, string>> = {
  poème: 'fr',
  suite: 'fr',
  prose: 'fr',
  poem: 'en',
  next: 'en',
  article: 'articles',
}

const folder = await mkdtemp(join(tmpdir(), 'atelier-titles-'))
const { test } = await titlePairs()
const kinds: Record<string, Awaited<ReturnType<typeof compare>>> = {}
for (const [kind, decoder] of Object.entries(decoders)) {
  kinds[kind] = await compare(kind, drawn(test.filter(({ source }) => source.split(/ ?:/)[0] === kind)), decoder)
  console.log(kind, kinds[kind])
}
await rm(folder, { recursive: true })

const rows = Object.entries(kinds).map(([kind, { decoder, pairs, t5, other, preferred }]) => {
  const share = `${(100 * preferred.estimate).toFixed(0)} % (${(100 * preferred.low).toFixed(0)} to ${(100 * preferred.high).toFixed(0)})`
  return [
    `${kind}: ${pairs} held-out texts, beside ${decoder}`,
    `${t5.toFixed(3)} bits per byte (${other.toFixed(3)}); likelier here: ${share}`,
  ] as const
})
console.log(rows.map((row) => row.join(': ')).join('\n'))
await writeJsonFile(join(run, 'titles.json'), kinds)
if (existsSync('gallery/t5')) await noteInTextCard('t5', { by: 'recipes/measure-titles.ts', rows, kinds })

function drawn(all: readonly TitlePair[]): TitlePair[] {
  return Array.from(Random.seed(0).permutation(all.length).subarray(0, Number(pairs)), (i) => all[i]!)
}

/** Both models on the same pairs; a text that is too long for either counts for neither. */
async function compare(kind: string, some: readonly TitlePair[], decoder: string) {
  const data = join(folder, `${kind}.jsonl`)
  await writeFile(data, some.map((pair) => `${JSON.stringify(pair)}\n`).join(''))
  const measure = async (model: string) => {
    const found = await evaluateText(model, { data: [data], task: 'pairs', limit: some.length, samples: 0 })
    return found.task === 'pairs' ? found.logProbabilities : []
  }
  const [t5, other] = [await measure(run), await measure(`gallery/${decoder}`)]
  const both = [...some.keys()].filter((i) => t5[i] != null && other[i] != null)
  const bytes = both.reduce((sum, i) => sum + Buffer.byteLength(some[i]!.target), 0)
  const bits = (of: readonly (number | null | undefined)[]) =>
    -both.reduce((sum, i) => sum + of[i]!, 0) / Math.LN2 / bytes
  const likelier = both.map((i) => Number(t5[i]! > other[i]!))
  return {
    decoder: `gallery/${decoder}`,
    pairs: both.length,
    t5: bits(t5),
    other: bits(other),
    preferred: bootstrapInterval(likelier, mean, Random.seed(0)),
  }
}
