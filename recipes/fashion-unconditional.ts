/**
 * Clothes without asking for a class: Fashion-MNIST at 32 × 32. Not in the gallery; it is what tells whether a model
 * finds all ten classes by itself.
 *
 *     npm run recipe -- fashion-unconditional [RUN]
 *
 * Trains into RUN (runs/fashion-unconditional), or goes on with it. recipes/measure-fashion.ts measures it.
 */
import { getDataset } from '../src/data/catalog.ts'
import { trainToEnd } from './image-gallery.ts'

await trainToEnd(process.argv[2] ?? 'runs/fashion-unconditional', {
  data: await getDataset('fashion-mnist'),
  sources: ['fashion-mnist'],
  licence: 'MIT',
  size: 32,
  preset: 'nano',
  condition: 'none',
  set: { samples: 9, batchSize: 64, beta2: 0.9 },
  budget: { steps: 1100 },
})
