import { readdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { resultOf, workshop } from './atelier.ts'

const { run } = workshop()
const folders = readdirSync(resolve(import.meta.dirname, '../../gallery')).sort()

test('the gallery lists every model, with a command that names it or needs no name', async () => {
  const [asJson, asText] = await Promise.all([run(['gallery', '--json']), run(['gallery'])])
  const { models } = resultOf<{ models: { folder: string; example: string; size: number }[] }>(asJson)
  expect(models.map(({ folder }) => folder)).toEqual(folders)
  for (const { folder, example, size } of models) {
    expect(asText.stdout).toContain(`gallery/${folder}`)
    expect(asText.stdout).toContain(example)
    expect(example).toMatch(/^atelier generate (text|image) /)
    if (example.includes('--model')) expect(example).toContain(`--model gallery/${folder} `)
    expect(size).toBeGreaterThan(100_000)
  }
})

test.each([
  [{ LANG: 'fr_FR.UTF-8' }, 'essayez'],
  [{ LANG: 'en_GB.UTF-8' }, 'learned from'],
  [{ LANG: 'fr_FR.UTF-8', LC_ALL: 'C' }, 'learned from'],
  [{ LANG: 'en_GB.UTF-8', LANGUAGE: 'fr:en' }, 'essayez'],
])('in the language of the system: %j', async (environment, word) => {
  const none = { LANG: '', LANGUAGE: '', LC_ALL: '', LC_MESSAGES: '' }
  const { stdout } = await run(['gallery'], '', { ...none, ...environment })
  expect(stdout).toContain(word)
})
