/**
 * A model for the gallery that writes from a title or a first line, French and English: T5, on quotations, verse, articles.
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
await writeRows(data, async () => (await titlePairs()).training)

await trainTextForGallery({
  name: 't5',
  title: {
    en: 'Verse, prose and articles from a title or a first line, French and English',
    fr: 'Vers, prose et articles à partir d’un titre ou d’une première ligne, en français et en anglais',
  },
  example: 'atelier generate text --model gallery/t5 --prompt "poème : nuit, Racine"',
  prompts: [
    'poème : nuit, Racine',
    'poème : mer',
    'poème : amour, Corneille',
    'prose : amitié, Voltaire',
    'prose : guerre, Montesquieu',
    'prose : jardin',
    'suite : Je le vis, je rougis, je pâlis à sa vue',
    'suite : Ô toi qui vois la honte où je suis descendue',
    'poem: night, Shakespeare',
    'poem: mountain, Psalms',
    'poem: summer',
    "next: Shall I compare thee to a summer's day?",
    'next: The stars are bright above the silent hill',
    'article: France, climate',
    'article: Atlantis, climate',
    'article: Canada, natural hazards',
  ],
  limits: [
    'It knows words and turns, not facts: what its articles state is made up.',
    'A verse or two hold together, in metre and in grammar; now and then a word is made up, in English more often than in French.',
    'Asked for an article it keeps to the words of the subject, and states contradictions.',
  ],
  biases: [
    'Its authors wrote before 1900, but for the articles, of about 2015: it speaks of women, of foreigners and of faiths as they did.',
    'It may write in the manner of a known author; the words are not theirs.',
  ],
  out,
  options: {
    data: [data],
    sources: titleSources,
    licence: titlesLicence,
    architecture: 't5',
    task: 'pairs',
    preset: 'small',
    tokenizer: { kind: 'unigram', vocabulary: 8192 },
    set: { nLayers: 4, dFf: 640, contextLength: 96, batchSize: 96, evaluationBatches: 16 },
    budget: { steps: 1900 },
    prompt: 'poème : nuit, Racine',
  },
})
