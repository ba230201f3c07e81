import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { galleryFolder } from '../src/files/gallery-folder.ts'
import { TextModel } from '../src/text/index.ts'

const weights = readdirSync(galleryFolder).map((name) => statSync(join(galleryFolder, name, 'model.safetensors')).size)

test('no model of the gallery is larger than 20 MB, nor all together than 120', () => {
  expect(Math.max(...weights)).toBeLessThan(20e6)
  expect(weights.reduce((sum, size) => sum + size, 0)).toBeLessThan(120e6)
})

test.each([
  ['They were very [MASK] of each other.', 'They were very fond of each other.'],
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
