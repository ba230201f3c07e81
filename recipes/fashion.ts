/**
 * The gallery's model for clothes: Fashion-MNIST at 32 × 32, one of ten classes asked for.
 *
 *     npm run recipe -- fashion [RUN]
 *
 * Trains into RUN (runs/fashion), or goes on with it, then writes the generator in 16 bits to gallery/fashion.
 * What it reached, when, and on which machine stands in gallery/fashion/card.json; recipes/measure-fashion.ts measures it.
 */
import { getDataset } from '../src/data/catalog.ts'
import { trainForGallery } from './image-gallery.ts'

await trainForGallery({
  name: 'fashion',
  title: {
    en: 'Clothes in ten classes',
    fr: 'Des vêtements de dix sortes',
  },
  example: 'atelier generate image --model gallery/fashion --class boot --n 9 --grid --out boots.png',
  limits: [
    'Pictures of 32 × 32 pixels in shades of grey; prints, straps and buttons are hinted at.',
    'It varies less than the data: see recall.',
  ],
  biases: ['The clothes are those that one European shop sold in 2017, as its photographs show them.'],
  out: process.argv[2] ?? 'runs/fashion',
  options: {
    data: await getDataset('fashion-mnist'),
    sources: ['fashion-mnist'],
    licence: 'MIT',
    size: 32,
    preset: 'nano',
    condition: 'class',
    set: { samples: 9 },
    budget: { steps: 3000 },
  },
})
