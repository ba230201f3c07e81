/**
 * The gallery's model that fills blanks: BERT, on English of books, plays and speeches.
 *
 *     npm run recipe -- blanks [RUN]
 *
 * Trains into RUN (runs/blanks), or goes on with it, then writes the weights in 16 bits to gallery/bert.
 */
import { trainTextForGallery } from './text-gallery.ts'
import { englishDocuments, englishLicence, englishSources } from './texts/english.ts'
import { writeRows } from './texts/write-rows.ts'

const out = process.argv[2] ?? 'runs/blanks'
const data = `${out}-data/english.jsonl`
await writeRows(data, englishDocuments)

await trainTextForGallery({
  name: 'bert',
  title: {
    en: 'Blanks filled, in English of books, plays and speeches',
    fr: 'Des blancs remplis, dans l’anglais des livres, du théâtre et des discours',
  },
  example: 'atelier generate text --model gallery/bert --prompt "To [MASK] or not to be"',
  prompts: [
    'To [MASK] or not to be',
    'The king of [MASK] is dead.',
    'She was a [MASK] woman of great [MASK].',
    'It was a dark and [MASK] night.',
    'In the beginning God created the [MASK] and the earth.',
    'The [MASK] of the United States',
    'My dear [MASK], I am very happy to see you.',
    'The captain looked at the [MASK] from the deck of the ship.',
    'Peace and [MASK]',
    'We must [MASK] our enemies.',
    'O Romeo, [MASK]!',
    'He opened the [MASK] and went in.',
    'They were very [MASK] of each other.',
    'The price of [MASK] has risen this year.',
    'I will not [MASK] you.',
    'Love is [MASK].',
  ],
  limits: ['It knows the words that go together, not facts.', 'Windows of 64 tokens: longer texts are to be cut.'],
  biases: [
    'Its texts are of 1600 to 2021, most of them of the nineteenth century and earlier: what it thinks likely of men and women, of faiths and of peoples is what they wrote.',
  ],
  out,
  options: {
    data: [data],
    sources: englishSources,
    licence: englishLicence,
    architecture: 'bert',
    task: 'fill',
    preset: 'nano',
    tokenizer: { kind: 'wordpiece', vocabulary: 8192 },
    // More is hidden than the usual 15 %, for each step learns from what is hidden alone, and there is time for few.
    set: { dModel: 192, nLayers: 4, nHeads: 6, dFf: 768, contextLength: 64, batchSize: 64, hiddenShare: 0.4 },
    budget: { steps: 4200 },
  },
})
