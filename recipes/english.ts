/**
 * The gallery's first model for text: English, from the State of the Union addresses.
 *
 *     npm run recipe -- english [RUN]
 *
 * Trains into RUN (runs/english), or goes on with it, then writes the weights in 16 bits to gallery/en.
 * What it reached, when, and on which machine stands in gallery/en/card.json.
 */
import { getDataset } from '../src/data/catalog.ts'
import { trainTextForGallery } from './text-gallery.ts'

await trainTextForGallery({
  name: 'en',
  title: {
    en: 'English prose of public speech',
    fr: 'Prose anglaise de discours publics',
  },
  example: 'atelier generate text --prompt "The people of this country"',
  prompts: ['The people of this country'],
  limits: [
    'It writes the prose of addresses to Congress, and little else.',
    'It knows words and turns, not facts: names, dates and sums in what it writes are made up.',
  ],
  biases: [
    'Its authors are presidents of the United States from 1790 to 2021: their view of their nation, of its enemies and of native peoples, in their words.',
  ],
  out: process.argv[2] ?? 'runs/english',
  options: {
    data: await getDataset('state-of-the-union'),
    sources: ['state-of-the-union'],
    licence: 'public domain (ODC-PDDL-1.0, CC0-1.0)',
    preset: 'small',
    tokenizer: { kind: 'bpe', vocabulary: 4096 },
    // 4.9 million parameters: 9.8 MB in 16 bits.
    set: { dModel: 256, nLayers: 6, nHeads: 8, nKvHeads: 4, dFf: 576, contextLength: 256, batchSize: 16 },
    budget: { steps: 1600 },
  },
})
