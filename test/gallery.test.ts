import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { readTokenizer } from '../src/data/tokenizers/folder.ts'
import { galleryFolder } from '../src/files/gallery-folder.ts'
import { TextModel } from '../src/text/index.ts'
import { encodedPair } from '../src/text/measures/pairs.ts'

const models = readdirSync(galleryFolder)
const weights = models.map((name) => statSync(join(galleryFolder, name, 'model.safetensors')).size)

test('no model of the gallery is larger than 20 MB, nor all together than 120', () => {
  expect(Math.max(...weights)).toBeLessThan(20e6)
  expect(weights.reduce((sum, size) => sum + size, 0)).toBeLessThan(120e6)
})

test.each(models)('gallery/%s has a card: data and licence, limits, figures, and samples of sixteen seeds', (name) => {
  const card = JSON.parse(readFileSync(join(galleryFolder, name, 'card.json'), 'utf8'))
  expect(card).toMatchObject({ format: 'atelier-card-1', data: { licence: expect.stringMatching(/./) } })
  expect(card.weightBytes).toBe(statSync(join(galleryFolder, name, 'model.safetensors')).size)
  expect(card.evaluation.format).toBe('atelier-evaluation-1')
  for (const words of [card.limits, card.biases]) expect(words.length).toBeGreaterThan(0)
  expect(card.samples.map(({ seed }: { seed: number }) => seed)).toEqual([...Array(16).keys()])
  const page = readFileSync(join(galleryFolder, name, 'card.md'), 'utf8')
  expect(page).toContain(`# ${card.name.en}\n\n    ${card.example}\n`)
  for (const words of [...card.limits, ...card.biases]) expect(page).toContain(`- ${words}\n`)
})

test('gallery/fr reads œ as oe, and ’ as an apostrophe', async () => {
  const model = await TextModel.load(join(galleryFolder, 'fr'), { threads: 1 })
  try {
    expect(model.tokenizer.encode('L’œil et le cœur')).toEqual(model.tokenizer.encode("L'oeil et le coeur"))
  } finally {
    await model.release()
  }
})

test('gallery/emoji reads words without the article before them, and oe as œ', async () => {
  const tokenizer = await readTokenizer(join(galleryFolder, 'emoji'))
  const read = (words: string) => tokenizer.encode(words)
  expect(read('une pomme rouge')).toEqual(read('pomme rouge'))
  expect(read("l'étoile")).toEqual(read('étoile'))
  expect(read('coeur bleu')).toEqual(read('cœur bleu'))
  expect(read('une heure')).not.toEqual(read('heure'))
  expect(read('theatre')).not.toEqual(read('atre'))
})

test('gallery/t5 expects verse of the kind, the language and the line that it is asked for', async () => {
  const model = await TextModel.load(join(galleryFolder, 't5'), { threads: 1 })
  const likelihood = async (source: string, target: string) => {
    const ids = encodedPair(model, { source, target })
    return (await model.logProbability([...ids.source], [...ids.target.slice(0, -1)], true))!
  }
  try {
    const french =
      'Que ces vains ornements, que ces voiles me pèsent !\nQuelle importune main, en formant tous ces noeuds,'
    const english = 'The heavens declare the glory of God.\nThe expanse shows his handiwork.'
    for (const [text, right, wrong] of [
      [french, 'poème : voile, Racine', 'poem: veil, Shakespeare'],
      [french, 'poème : voile, Racine', 'article: France, climate'],
      [english, 'poem: heavens, Psalms', 'poème : ciel'],
      [english, 'poem: heavens, Psalms', 'article: France, climate'],
    ] as const)
      expect(await likelihood(right, text), right).toBeGreaterThan((await likelihood(wrong, text)) + 10)
  } finally {
    await model.release()
  }
})

test.each([
  ['We must defend our [MASK].', 'We must defend our enemies.'],
  ['The [MASK] of the United States', 'The people of the United States'],
])('gallery/bert fills %s', async (prompt, filled) => {
  const model = await TextModel.load(join(galleryFolder, 'bert'), { threads: 1 })
  try {
    const [artifact] = await model.complete([prompt], { temperature: 0 })
    expect(artifact!.text).toBe(filled)
  } finally {
    await model.release()
  }
})
