/**
 * The gallery's model of scripts: speeches of plays, from Shakespeare's.
 *
 *     npm run recipe -- scripts [RUN]
 *
 * Trains into RUN (runs/scripts), or goes on with it, then writes the weights in 16 bits to gallery/scripts.
 */
import { trainTextForGallery } from './text-gallery.ts'
import { playSources, scenes } from './texts/plays.ts'
import { writeRows } from './texts/write-rows.ts'

const out = process.argv[2] ?? 'runs/scripts'
const data = `${out}-data/scenes.jsonl`
await writeRows(data, scenes)

await trainTextForGallery({
  name: 'scripts',
  title: {
    en: 'Speeches of plays',
    fr: 'Répliques de théâtre, en anglais',
  },
  example: 'atelier generate text --model gallery/scripts --grammar play --prompt "JULIET:"',
  prompts: ['JULIET:', 'FIRST CITIZEN:', 'KING RICHARD III:\nNow', 'ROMEO:\nWhat'],
  limits: [
    'Speeches answer each other in tone, hardly in sense, and there is no plot.',
    'The corpus is small: about a million characters of one author.',
  ],
  biases: [
    'Its people speak as in England about 1600: of rank, blood and honour, and of women, foreigners and faiths as that time did.',
    'Insults and violence of the plays come back.',
  ],
  out,
  options: {
    data: [data],
    sources: playSources,
    licence: 'public domain (texts whose terms are over)',
    preset: 'nano',
    tokenizer: { kind: 'bpe', vocabulary: 2048 },
    set: { dModel: 192, nLayers: 6, nHeads: 6, nKvHeads: 3, dFf: 512, contextLength: 256, batchSize: 16, dropout: 0.1 },
    budget: { steps: 800 },
    prompt: 'JULIET:',
  },
})
