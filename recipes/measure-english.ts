/**
 * Measures the English model of the gallery on each kind of text that was held out: novels, the Bible, plays, speeches.
 *
 *     npm run recipe -- measure-english [RUN]
 *
 * Takes the held-out documents of RUN (runs/english), and writes what it finds into the card of gallery/en.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { evaluateText } from '../src/text/evaluate-text.ts'
import { corpusOf, documentsOf } from '../src/text/measured-text.ts'
import { noteInTextCard } from './text-gallery.ts'
import { type EnglishText, englishTexts } from './texts/english.ts'

const [run = 'runs/english'] = process.argv.slice(2)

const heldOut = await heldOutDocuments(run)
const texts = (await englishTexts()).filter(({ text }) => heldOut.has(text.trim()))
const kinds = ['novels', 'bible', 'plays', 'speeches'] as const
const found: Awaited<ReturnType<typeof measure>>[] = []
for (const kind of kinds) found.push(await measure(kind))
console.log(found)
const rows: [string, string][] = found.map(({ kind, documents, bitsPerByte: { estimate, low, high } }) => {
  return [
    `bits per byte of ${kind} (${documents} documents)`,
    `${estimate.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`,
  ]
})
const books = found.filter(({ kind }) => kind === 'novels' || kind === 'bible')
const bytes = books.reduce((sum, one) => sum + one.bytes, 0)
const ofBooks = books.reduce((sum, one) => sum + one.bytes * one.bitsPerByte.estimate, 0) / bytes
rows.push(['bits per byte of novels and the Bible together', ofBooks.toFixed(3)])
await noteInTextCard('en', { by: 'recipes/measure-english.ts', rows, found })

async function heldOutDocuments(run: string): Promise<Set<string>> {
  const corpus = await corpusOf(run)
  if (!corpus) throw new Error(`${run} holds no corpus; run recipes/english.ts first`)
  const documents = [...documentsOf(corpus.validation, corpus.tokenizer)].map((text) => text.trim())
  corpus.close()
  return new Set(documents)
}

async function measure(kind: EnglishText['kind']) {
  const documents = texts.filter((text) => text.kind === kind)
  const folder = await mkdtemp(join(tmpdir(), 'atelier-english-'))
  const data = join(folder, 'held-out.jsonl')
  await writeFile(data, documents.map(({ text }) => `${JSON.stringify({ text })}\n`).join(''))
  const evaluation = await evaluateText('gallery/en', { data: [data], samples: 0 })
  await rm(folder, { recursive: true })
  if (evaluation.task !== 'next') throw new Error(`gallery/en learned ${evaluation.task}, wanted next`)
  const { bitsPerByteInterval: bitsPerByte, text } = evaluation
  return { kind, documents: documents.length, bytes: text.bytes, bitsPerByte }
}
