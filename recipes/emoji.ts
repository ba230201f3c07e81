/**
 * The gallery's model for pictures from words: Fluent emoji at 32 × 32 with emojibase's captions, English and French.
 *
 *     npm run recipe -- emoji [RUN]
 *
 * Trains into RUN (runs/emoji), or goes on with it, then writes the generator in 16 bits to gallery/emoji.
 * recipes/measure-emoji.ts measures whether it paints what it is asked for.
 */
import { getDataset } from '../src/data/catalog.ts'
import { trainForGallery } from './image-gallery.ts'

await trainForGallery({
  name: 'emoji',
  title: {
    en: 'Emoji from words, English and French',
    fr: 'Des émojis à partir de mots, en anglais et en français',
  },
  example: 'atelier generate image --prompt "une pomme rouge" --out apple.png',
  out: process.argv[2] ?? 'runs/emoji',
  options: {
    data: await getDataset('fluent-emoji'),
    sources: ['fluent-emoji'],
    licence: 'MIT (Fluent emoji by Microsoft; captions by emojibase)',
    size: 32,
    fit: 'contain',
    preset: 'nano',
    condition: 'text',
    set: {
      generatorWidth: 48,
      textLayers: 1,
      maxTokens: 24,
      reconstruction: 50,
      samples: 15,
    },
    budget: { steps: 14_800 },
  },
})
