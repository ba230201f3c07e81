import { expect, test } from 'vitest'
import type { ImageCard } from '../image/model-card.ts'
import type { TextCard } from '../text/model-card.ts'
import { imageCardPage } from './image-card.ts'
import { textCardPage } from './text-card.ts'

const engine = { name: 'cpu' as const, library: 'x', platform: 'y', threads: 1 }
const facts = {
  format: 'atelier-card-1' as const,
  seed: 0,
  weightBytes: 12_345,
  engine,
  hardware: { processor: 'P', cores: 2, memory: '1 GiB', system: 's', node: 'n' },
}
const evaluated = { format: 'atelier-evaluation-1' as const, created: '2026-01-01T00:00:00Z', engine, atelier: '0' }

const written: TextCard = {
  ...facts,
  data: { sources: ['a|b\n.txt'], digest: 'd'.repeat(64) },
  architecture: 'decoder',
  task: 'next',
  settings: { nLayers: 2, dModel: 16, contextLength: 32 },
  training: { steps: 10, tokens: 2000, seconds: 120, wattHours: 0.67 },
  evaluation: {
    ...evaluated,
    task: 'next',
    validationLoss: 2,
    perplexity: 7.39,
    bitsPerByte: 1.5,
    bitsPerByteInterval: { estimate: 1.5, low: 1.25, high: 1.75, confidence: 0.95 },
    text: { source: 'held-out', tokens: 100, bytes: 300, documents: 1, windowLength: 32 },
    model: { path: 'run', digest: 'e', architecture: 'decoder' },
  },
  samples: [
    { seed: 0, prompt: '', text: 'has\n```\na fence' },
    { seed: 1, prompt: 'a `b`\n\nc', text: 'd' },
  ],
}

test('tells the facts, with what would break a table or a block escaped', () => {
  const page = textCardPage(written, { title: 'T', example: 'atelier generate text', limits: ['small'] })
  expect(page).toContain('| learned from | a\\|b .txt |')
  expect(page).toContain('| licence of the data | not told |')
  expect(page).toContain('| model | decoder, 2 layers, width 16, context 32 |')
  expect(page).toContain('| weights | 12.3 kB |')
  expect(page).toContain('| training | 10 steps, 2.0 k tokens, 2 minutes |')
  expect(page).toContain('| bits per byte | 1.5000 (1.2500 to 1.7500) |')
  expect(page).toContain('## What it is bad at\n\n- small')
  expect(page).not.toContain('What its data lets it repeat')
  expect(page).toContain('Seed 0\n\n````text\nhas\n```\na fence\n````')
  expect(page).toContain('Seed 1, `` a `b` ⏎ c ``\n\n```text\nd\n```')
})

test('tells what a model was begun from', () => {
  const from = { path: 'gallery/en', digest: 'b'.repeat(64), config: {} }
  expect(textCardPage({ ...written, from }, { title: 'T' })).toContain(
    `| begun from | \`gallery/en\`, digest \`${'b'.repeat(16)}…\` |`,
  )
  const training = { steps: 1200, seconds: 600, wattHours: 4 }
  expect(textCardPage({ ...written, from: { ...from, training } }, { title: 'T' })).toContain(
    '…`, whose training took 1,200 steps, 10 minutes, about 4 Wh |',
  )
  expect(textCardPage(written, { title: 'T' })).not.toContain('begun from')
})

test('tells no interval where a single batch was measured', () => {
  const bitsPerByteInterval = { estimate: 1.5, low: 1.5, high: 1.5, confidence: 0.95 }
  const evaluation = { ...written.evaluation, bitsPerByteInterval } as TextCard['evaluation']
  expect(textCardPage({ ...written, evaluation }, { title: 'T' })).toContain('| bits per byte | 1.5000 |')
})

const ratio = { estimate: 0.5, low: 0.25, high: 1, confidence: 0.95 }
const copies = { threshold: 0.1, samples: 0.01, heldOut: 0.02, ratio }
const kernelDistance = { mean: 0.25, deviation: 0.1, subsets: 1, subsetSize: 6 }
const quality = { frechetDistance: 2.5, kernelDistance, precision: 0.75, recall: 0.5, density: 1, coverage: 0.8 }

const painted: ImageCard = {
  ...facts,
  data: { sources: ['faces'], licence: 'CC0-1.0', digest: 'd'.repeat(64) },
  architecture: 'r3gan',
  settings: { latentSize: 64, generatorWidth: 48, discriminatorWidth: 32 },
  training: { steps: 10, pictures: 320, seconds: 120, wattHours: 0.67 },
  evaluation: {
    ...evaluated,
    model: { path: 'run', digest: 'e', architecture: 'r3gan' },
    features: { name: 'inception', width: 8, digest: 'f', note: 'n' },
    pictures: { samples: 12, compared: 10, real: 'held-out' },
    quality,
    baseline: { ...quality, frechetDistance: 0.5 },
    copying: { pixels: copies, features: copies },
    seed: 0,
  },
  samples: [{ seed: 0, prompt: 'a `red` hat' }, { seed: 1 }],
  measured: { by: 'a recipe', rows: [['hats as asked for', '98.7 %']] },
}

test('tells facts, measures beside those of real pictures, copies, and what samples were asked for by', () => {
  const page = imageCardPage(painted, { title: 'Faces' })
  expect(page).toContain('| model | r3gan, latents of 64, widths 48 and 32 |\n| weights | 12.3 kB |')
  expect(page).toContain('| training | 10 steps, 320 pictures, 2 minutes |')
  expect(page).toContain('12 samples beside pictures that were held out, 10 of both compared, as inception sees them')
  expect(page).toContain('| Fréchet distance | 2.500 (0.500) |')
  expect(page).toContain('| by pixels | 1.00 % beside 2.00 %: ratio 0.50 (0.25 to 1.00) |')
  expect(page).toContain('By `a recipe`:\n\n| measure |  |\n| --- | --- |\n| hats as asked for | 98.7 % |')
  expect(page).toContain('Asked for: `` a `red` hat ``, nothing.')
})
