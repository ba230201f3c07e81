/**
 * The gallery's model that writes from a title or a first line, French and English: T5, on quotations, verse, articles.
 *
 *     npm run recipe -- titles [RUN]
 *
 * Trains into RUN (runs/titles), or goes on with it, then writes the weights in 16 bits to gallery/t5.
 */
import { trainTextForGallery } from './text-gallery.ts'
import { titlePairs, titleSources, titlesLicence } from './texts/titles.ts'
import { writeRows } from './texts/write-rows.ts'

const out = process.argv[2] ?? 'runs/titles'
const data = `${out}-data/pairs.jsonl`
await writeRows(data, titlePairs)

await trainTextForGallery({
  name: 't5',
  title: {
    en: 'Verse, prose and articles from a title or a first line, French and English',
    fr: 'Vers, prose et articles à partir d’un titre ou d’une première ligne, en français et en anglais',
  },
  example: 'atelier generate text --model gallery/t5 --prompt "poème : nuit, Racine"',
  out,
  options: {
    data: [data],
    sources: titleSources,
    licence: titlesLicence,
    architecture: 't5',
    task: 'pairs',
    preset: 'small',
    tokenizer: { kind: 'unigram', vocabulary: 8192 },
    set: { nLayers: 4, dFf: 640, contextLength: 96, batchSize: 48 },
    budget: { steps: 2000 },
    prompt: 'poème : nuit, Racine',
  },
})
