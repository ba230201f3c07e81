/**
 * A model for the gallery that writes from a title or a first line, French and English: T5, on quotations, verse, articles.
 *
 *     npm run recipe -- titles [RUN]
 *
 * Trains twice, or goes on where it stopped: into RUN-begun on as much French prose as verse, so that the small kinds are
 * learned too, then from there into RUN (runs/titles) on more than twice the prose. Writes the weights in 16 bits to gallery/t5.
 */
import { trainTextForGallery, trainTextToEnd } from './text-gallery.ts'
import { titlePairs, titleSources, titlesLicence } from './texts/titles.ts'
import { writeRows } from './texts/write-rows.ts'

const out = process.argv[2] ?? 'runs/titles'
const begun = `${out}-begun`

const common = {
  sources: titleSources,
  licence: titlesLicence,
  task: 'pairs',
  prompt: 'poème : nuit, Racine',
}

await trainTextToEnd(begun, {
  ...common,
  data: [await pairsFile(begun, 20_000)],
  architecture: 't5',
  preset: 'small',
  tokenizer: { kind: 'unigram', vocabulary: 8192 },
  set: { nLayers: 4, dFf: 640, contextLength: 96, batchSize: 96, dropout: 0.1, evaluationBatches: 16 },
  budget: { steps: 2700 },
})

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
    'passage: shepherd, Genesis',
    "next: Shall I compare thee to a summer's day?",
    'next: The stars are bright above the silent hill',
    'article: France, climate',
    'article: Atlantis, climate',
    'article: Canada, natural hazards',
  ],
  limits: [
    'It knows words and turns, not facts: what its articles state is made up.',
    'A verse or two hold together, in metre and in grammar; now and then a word is made up, in English more often than in French.',
    'A first line it goes on from less well than gallery/fr and gallery/en do.',
    'Asked for an article, by a subject in small letters, it writes of the matter, contradicts itself and makes names up.',
  ],
  biases: [
    'Its authors wrote before 1900, but for the articles, of about 2015: it speaks of women, of foreigners and of faiths as they did.',
    'It may write in the manner of a known author; the words are not theirs.',
  ],
  out,
  options: {
    ...common,
    data: [await pairsFile(out, 45_000)],
    from: begun,
    set: {
      contextLength: 96,
      batchSize: 96,
      dropout: 0.1,
      optimizer: 'muon',
      learningRate: 0.002,
      learningRateFloor: 0.05,
      beta2: 0.95,
      weightDecay: 0.1,
      warmupSteps: 50,
      evaluationBatches: 16,
    },
    budget: { steps: 3100 },
  },
})

/** Writes the pairs that a run learns from beside it, with so many passages of French prose. */
async function pairsFile(run: string, passagesOfProse: number): Promise<string> {
  const path = `${run}-data/pairs.jsonl`
  await writeRows(path, async () => (await titlePairs(passagesOfProse)).training)
  return path
}
