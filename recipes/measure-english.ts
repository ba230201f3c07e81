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
import { englishTexts } from './texts/english.ts'

const [run = 'runs/english'] = process.argv.slice(2)

const heldOut = await heldOutDocuments(run)
const texts = (await englishTexts()).filter(({ text }) => heldOut.has(text.trim()))
const novelsAndBible = ['novels', 'bible']
const found = {
  books: await measure(texts.filter(({ kind }) => novelsAndBible.includes(kind))),
  novels: await measure(texts.filter(({ kind }) => kind === 'novels')),
  bible: await measure(texts.filter(({ kind }) => kind === 'bible')),
  plays: await measure(texts.filter(({ kind }) => kind === 'plays')),
  speeches: await measure(texts.filter(({ kind }) => kind === 'speeches')),
}
console.log(found)
const rows = Object.entries(found).map(
  ([
    kind,
    {
      documents,
      bitsPerByte: { estimate, low, high },
    },
  ]) => {
    const name = kind === 'books' ? 'books: novels and the Bible' : kind
    return [
      `bits per byte of ${name} (${documents} documents)`,
      `${estimate.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`,
    ] as const
  },
)
await noteInTextCard('en', { by: 'recipes/measure-english.ts', rows, found })

async function heldOutDocuments(run: string): Promise<Set<string>> {
  const corpus = await corpusOf(run)
  if (!corpus) throw new Error(`${run} holds no corpus; run recipes/english.ts first`)
  const documents = [...documentsOf(corpus.validation, corpus.tokenizer)].map((text) => text.trim())
  corpus.close()
  return new Set(documents)
}

async function measure(documents: readonly { readonly text: string }[]) {
  const folder = await mkdtemp(join(tmpdir(), 'atelier-english-'))
  const data = join(folder, 'held-out.jsonl')
  await writeFile(data, documents.map(({ text }) => `${JSON.stringify({ text })}\n`).join(''))
  const evaluation = await evaluateText('gallery/en', { data: [data], samples: 0 })
  await rm(folder, { recursive: true })
  if (evaluation.task !== 'next') throw new Error(`gallery/en learned ${evaluation.task}, wanted next`)
  return { documents: documents.length, bitsPerByte: evaluation.bitsPerByteInterval }
}
