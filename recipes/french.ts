/**
 * French for the gallery: prose and verse of four centuries, from the passages that Littré's dictionary quotes.
 *
 *     npm run recipe -- french [RUN]
 *
 * Trains into RUN (runs/french), or goes on with it, then writes the weights in 16 bits to gallery/fr.
 */
import { trainTextForGallery } from './text-gallery.ts'
import { littreLicence, littreSource, readLittre } from './texts/littre.ts'
import { writeRows } from './texts/write-rows.ts'

const out = process.argv[2] ?? 'runs/french'
const data = `${out}-data/quotations.jsonl`
await writeRows(data, async () => (await readLittre()).map(({ text }) => ({ text })))

await trainTextForGallery({
  name: 'fr',
  title: {
    en: 'French literary prose and verse',
    fr: 'Prose et vers de la littérature française',
  },
  example: 'atelier generate text --model gallery/fr --prompt "Le roi dit"',
  prompts: ['La liberté', 'Ô nuit', "L'homme", 'Il y a dans le cœur'],
  spelled: { œ: 'oe', Œ: 'Oe', '’': "'" },
  limits: [
    'It writes a sentence or a few verses at a time, as the passages are that it learned from; longer texts change their subject.',
    'It knows words and turns, not facts: names, dates and events in what it writes are made up.',
    'Modern words and things are unknown to it.',
    'It writes oe for œ, as the passages do, and reads both.',
  ],
  biases: [
    'Its authors wrote from the sixteenth to the nineteenth century, nearly all of them men: it speaks of women, of foreigners and of faiths as they did, and takes kings and the church for granted.',
    'It may write in the manner of a known author; the words are not theirs.',
  ],
  out,
  options: {
    data: [data],
    sources: [littreSource],
    licence: littreLicence,
    preset: 'small',
    tokenizer: { kind: 'bpe', vocabulary: 6144 },
    // 6.7 million parameters: 13.5 MB in 16 bits.
    set: { dModel: 288, nLayers: 6, nHeads: 9, nKvHeads: 3, dFf: 704, contextLength: 256, batchSize: 16 },
    budget: { steps: 1600 },
    prompt: 'La liberté',
  },
})
