import { expect, test } from 'vitest'
import type { TextCard } from '../text/model-card.ts'
import { textCardPage } from './text-card.ts'

const card: TextCard = {
  format: 'atelier-card-1',
  data: { sources: ['a|b\n.txt'], digest: 'd'.repeat(64) },
  architecture: 'decoder',
  task: 'next',
  settings: { nLayers: 2, dModel: 16, contextLength: 32 },
  seed: 0,
  weightBytes: 12_345,
  training: { steps: 10, tokens: 2000, seconds: 120, wattHours: 0.67 },
  evaluation: {
    format: 'atelier-evaluation-1',
    task: 'next',
    validationLoss: 2,
    perplexity: 7.39,
    bitsPerByte: 1.5,
    bitsPerByteInterval: { estimate: 1.5, low: 1.25, high: 1.75, confidence: 0.95 },
    text: { source: 'held-out', tokens: 100, bytes: 300, documents: 1, windowLength: 32 },
    model: { path: 'run', digest: 'e', architecture: 'decoder' },
    created: '2026-01-01T00:00:00Z',
    engine: { name: 'cpu', library: 'x', platform: 'y', threads: 1 },
    atelier: '0',
  },
  samples: [
    { seed: 0, prompt: '', text: 'has\n```\na fence' },
    { seed: 1, prompt: 'a `b`\n\nc', text: 'd' },
  ],
  engine: { name: 'cpu', library: 'x', platform: 'y', threads: 1 },
  hardware: { processor: 'P', cores: 2, memory: '1 GiB', system: 's', node: 'n' },
}

test('tells the facts, with what would break a table or a block escaped', () => {
  const page = textCardPage(card, { title: 'T', example: 'atelier generate text', limits: ['small'] })
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

test('tells no interval where a single batch was measured', () => {
  const bitsPerByteInterval = { estimate: 1.5, low: 1.5, high: 1.5, confidence: 0.95 }
  const evaluation = { ...card.evaluation, bitsPerByteInterval } as TextCard['evaluation']
  expect(textCardPage({ ...card, evaluation }, { title: 'T' })).toContain('| bits per byte | 1.5000 |')
})
