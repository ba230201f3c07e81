import { resolve } from 'node:path'
import { expect, test } from 'vitest'
import { portableModelFolder, resolveModelFolder } from './gallery-folder.ts'

test('a model of the gallery is found by its name from anywhere, and named so', () => {
  const inside = resolve(import.meta.dirname, '../../gallery/en')
  const before = process.cwd()
  process.chdir('/')
  try {
    expect(resolveModelFolder('gallery/en')).toBe(inside)
    expect(resolveModelFolder('gallery/none-such')).toBe('gallery/none-such')
    expect(resolveModelFolder('gallery/../src')).toBe('gallery/../src')
    expect(portableModelFolder(inside)).toBe('gallery/en')
    expect(portableModelFolder('/tmp/runs/mine')).toBe('/tmp/runs/mine')
  } finally {
    process.chdir(before)
  }
})
