/**
 * Articles for the gallery: an entry of an encyclopedia of countries, from its title.
 *
 *     npm run recipe -- articles [RUN]
 *
 * Trains into RUN (runs/articles), or goes on with it, then writes the weights in 16 bits to gallery/articles.
 */
import { trainTextForGallery } from './text-gallery.ts'
import { factbookEntries, factbookLicence, factbookSource } from './texts/factbook.ts'
import { writeRows } from './texts/write-rows.ts'

const out = process.argv[2] ?? 'runs/articles'
const data = `${out}-data/entries.jsonl`
await writeRows(data, factbookEntries)

await trainTextForGallery({
  name: 'articles',
  title: {
    en: 'Entries of an encyclopedia of countries',
    fr: 'Articles d’une encyclopédie des pays, en anglais',
  },
  example: "atelier generate text --model gallery/articles --prompt $'# Atlantis\\n\\nBackground:'",
  prompts: ['# Atlantis\n\nBackground:', '# France\n\n', '# Sea of Dreams\n\nLocation:', '# Wakanda\n\nClimate:'],
  limits: [
    'What it states is made up, figures and names most of all: it has learned how an entry sounds, not what is true.',
    'It knows entries of countries and territories alone, of a few articles each.',
    'Its guard breaks off what would copy an entry, turns that many entries share among it: it then says them otherwise, now and then oddly.',
  ],
  biases: [
    'The entries were written by an agency of the United States, about 2015: its view of what matters, of borders and of governments.',
    'What has changed since is unknown to it.',
  ],
  guarded: true,
  out,
  options: {
    data: [data],
    sources: [factbookSource],
    licence: factbookLicence,
    preset: 'nano',
    tokenizer: { kind: 'bpe', vocabulary: 4096 },
    set: { dModel: 192, nLayers: 6, nHeads: 6, nKvHeads: 3, dFf: 512, contextLength: 256, batchSize: 16, dropout: 0.1 },
    budget: { steps: 800 },
    prompt: '# Atlantis',
  },
})
