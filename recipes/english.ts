/**
 * English for the gallery: prose and verse of books, plays and speeches.
 *
 *     npm run recipe -- english [RUN]
 *
 * Trains into RUN (runs/english), or goes on with it, then writes the weights in 16 bits to gallery/en.
 */
import { trainTextForGallery } from './text-gallery.ts'
import { englishDocuments, englishLicence, englishSources } from './texts/english.ts'
import { writeRows } from './texts/write-rows.ts'

const out = process.argv[2] ?? 'runs/english'
const data = `${out}-data/english.jsonl`
await writeRows(data, englishDocuments)

await trainTextForGallery({
  name: 'en',
  title: {
    en: 'English of books, plays and speeches',
    fr: 'Anglais des livres, du théâtre et des discours',
  },
  example: 'atelier generate text --prompt "The people of this country"',
  prompts: ['The people of this country', 'She had never', 'The captain', 'And it came to pass'],
  limits: [
    'A paragraph holds together, a page does not: persons and subjects change.',
    'It knows words and turns, not facts: names, dates and sums in what it writes are made up.',
    'It writes as novels, the Bible, plays and addresses to Congress do, and little else.',
  ],
  biases: [
    'Its texts are of 1600 to 2021, most of them of the nineteenth century and earlier, half of them by presidents of the United States: what they say of women, of native peoples, of faiths and of enemies comes back.',
  ],
  out,
  options: {
    data: [data],
    sources: englishSources,
    licence: englishLicence,
    preset: 'small',
    tokenizer: { kind: 'bpe', vocabulary: 6144 },
    // 6.7 million parameters: 13.5 MB in 16 bits.
    set: { dModel: 288, nLayers: 6, nHeads: 9, nKvHeads: 3, dFf: 704, contextLength: 256, batchSize: 16 },
    budget: { steps: 1300 },
  },
})
