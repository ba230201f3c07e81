import { expect, test } from 'vitest'
import { modelRemedy } from './model-remedy.ts'

test('where a folder holds no model, the one of the gallery that was meant is named', () => {
  expect(modelRemedy('fr')).toBe('did you mean gallery/fr?')
  expect(modelRemedy('gallery/article')).toBe('did you mean gallery/articles?')
  expect(modelRemedy('runs/something-else')).toContain('see atelier gallery')
})
