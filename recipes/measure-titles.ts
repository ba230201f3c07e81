/**
 * Compares the model that writes from titles with the gallery's decoders, given the same titles: by the likelihood of texts
 * that none learned from, but for verses that stand in several places (recipes/texts/titles.ts). Where a text ends is left
 * out, for only some of the decoders learned from texts so short.
 *
 *     npm run recipe -- measure-titles [RUN] [PAIRS]
 *
 * Takes PAIRS (300) test pairs of each kind, drawn at random, and writes what it finds into RUN/titles.json (runs/titles) and
 * the card of gallery/t5, where there is one.
 */
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { bootstrapInterval, mean } from '../src/evaluate/bootstrap.ts'
import { writeJsonFile } from '../src/files/json-file.ts'
import { Random } from '../src/random/random.ts'
import { encodedPair } from '../src/text/measures/pairs.ts'
import { TextModel } from '../src/text/text-model.ts'
import { noteInTextCard } from './text-gallery.ts'
import { headingOf } from './texts/factbook.ts'
import { sampled, type TitlePair, titlePairs } from './texts/titles.ts'

const [run = 'runs/titles', count = '300'] = process.argv.slice(2)

/** The decoder of the gallery that knows each kind of text. */
const decoders = {
  poème: 'fr',
  suite: 'fr',
  prose: 'fr',
  poem: 'en',
  next: 'en',
  passage: 'en',
  article: 'articles',
} as const
type Kind = keyof typeof decoders

const { test, digests } = await titlePairs(45_000)
await checkUnseen()
const kinds: Partial<Record<Kind, Awaited<ReturnType<typeof compare>>>> = {}
for (const kind of Object.keys(decoders) as Kind[]) {
  kinds[kind] = await compare(kind)
  console.log(kind, kinds[kind])
}

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

/** Throws where a decoder learned from other data than these texts were held out of, or the run from one of these texts. */
async function checkUnseen(): Promise<void> {
  for (const [name, digest] of Object.entries(digests)) {
    const card = JSON.parse(await readFile(`gallery/${name}/card.json`, 'utf8'))
    if (card.data.digest !== digest) throw new Error(`gallery/${name} learned from other data; train it by its recipe`)
  }
  const tests = new Set(test.map(({ target }) => target))
  for (const part of [run, `${run}-begun`]) {
    const learned = (await readFile(`${part}-data/pairs.jsonl`, 'utf8')).trim().split('\n')
    if (learned.some((line) => tests.has(JSON.parse(line).target)))
      throw new Error(`${part} learned from texts that are to test it; train it anew by recipes/titles.ts`)
  }
}

/** Both models on the same pairs, articles' beginnings only; a text that is too long for either counts for neither. */
async function compare(kind: Kind) {
  const all = test.filter(({ source }) => source.split(/ ?:/)[0] === kind && !/, part \d+$/.test(source))
  const pairs = sampled(all, Number(count), Random.seed(0))
  const decoder = `gallery/${decoders[kind]}`
  const t5 = await logProbabilities(run, pairs)
  const other = await logProbabilities(decoder, pairs.map(forDecoder))
  const both = [...pairs.keys()].filter((i) => t5[i] !== undefined && other[i] !== undefined)
  const bytes = both.reduce((sum, i) => sum + Buffer.byteLength(pairs[i]!.target), 0)
  const bits = (of: readonly (number | undefined)[]) => -both.reduce((sum, i) => sum + of[i]!, 0) / Math.LN2 / bytes
  const likelier = both.map((i) => Number(t5[i]! > other[i]!))
  const preferred = bootstrapInterval(likelier, mean, Random.seed(0))
  return { decoder, pairs: both.length, t5: bits(t5), other: bits(other), preferred }
}

/** A pair as a decoder is given it: an article in its entries' own form, another text on a line below its title. */
function forDecoder({ source, target }: TitlePair): TitlePair {
  const [, country, subject] = /^article: (.*), (.*)$/.exec(source) ?? []
  if (country === undefined || subject === undefined) return { source: `${source}\n`, target }
  return { source: `# ${country}\n\n${headingOf(subject)}:`, target: ` ${target}` }
}

/** ln P(target | source) of each pair; undefined where it is too long for the model. */
async function logProbabilities(folder: string, pairs: readonly TitlePair[]): Promise<(number | undefined)[]> {
  const model = await TextModel.load(folder)
  try {
    const found: (number | undefined)[] = []
    for (const pair of pairs) {
      const { source, target } = encodedPair(model, pair)
      found.push(await model.logProbability([...source], [...target.subarray(0, -1)], false))
    }
    return found
  } finally {
    await model.release()
  }
}
