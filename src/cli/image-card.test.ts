import { expect, test } from 'vitest'
import type { ImageCard } from '../image/model-card.ts'
import { imageCardPage } from './image-card.ts'

const ratio = { estimate: 0.5, low: 0.25, high: 1, confidence: 0.95 }
const copies = { threshold: 0.1, samples: 0.01, heldOut: 0.02, ratio }
const kernelDistance = { mean: 0.25, deviation: 0.1, subsets: 1, subsetSize: 6 }
const quality = { frechetDistance: 2.5, kernelDistance, precision: 0.75, recall: 0.5, density: 1, coverage: 0.8 }
const engine = { name: 'cpu' as const, library: 'x', platform: 'y', threads: 1 }

const card: ImageCard = {
  format: 'atelier-card-1',
  data: { sources: ['faces'], licence: 'CC0-1.0', digest: 'd'.repeat(64) },
  architecture: 'r3gan',
  settings: { latentSize: 64, generatorWidth: 48, discriminatorWidth: 32 },
  seed: 0,
  weightBytes: 12_345,
  training: { steps: 10, pictures: 320, seconds: 120, wattHours: 0.67 },
  evaluation: {
    format: 'atelier-evaluation-1',
    model: { path: 'run', digest: 'e', architecture: 'r3gan' },
    features: { name: 'inception', width: 8, digest: 'f', note: 'n' },
    pictures: { samples: 12, compared: 10, real: 'held-out' },
    quality,
    baseline: { ...quality, frechetDistance: 0.5 },
    copying: { pixels: copies, features: copies },
    seed: 0,
    created: '2026-01-01T00:00:00Z',
    engine,
    atelier: '0',
  },
  samples: [{ seed: 0, prompt: 'a `red` hat' }, { seed: 1 }],
  measured: { by: 'a recipe', rows: [['hats as asked for', '98.7 %']] },
  engine,
  hardware: { processor: 'P', cores: 2, memory: '1 GiB', system: 's', node: 'n' },
}

test('tells facts, measures beside those of real pictures, copies, and what samples were asked for by', () => {
  const page = imageCardPage(card, { title: 'Faces' })
  expect(page).toContain('| model | r3gan, latents of 64, widths 48 and 32 |\n| weights | 12.3 kB |')
  expect(page).toContain('| training | 10 steps, 320 pictures, 2 minutes |')
  expect(page).toContain('12 samples beside pictures that were held out, 10 of both compared, as inception sees them')
  expect(page).toContain('| Fréchet distance | 2.500 (0.500) |')
  expect(page).toContain('| by pixels | 1.00 % beside 2.00 %: ratio 0.50 (0.25 to 1.00) |')
  expect(page).toContain('By `a recipe`:\n\n| measure |  |\n| --- | --- |\n| hats as asked for | 98.7 % |')
  expect(page).toContain('Asked for: `` a `red` hat ``, nothing.')
})
