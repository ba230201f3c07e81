/**
 * The gallery's model for pixel-art characters with attributes: drawings of @dicebear/pixel-art (art CC0) at 32 × 32,
 * asked for in English or French.
 *
 *     npm run recipe -- characters [RUN]
 *
 * Draws the data beside RUN (runs/characters), trains, or goes on, then writes the generator in 16 bits to
 * gallery/characters. A fifth of the combinations of hair, its colour, clothes and glasses are held out:
 * recipes/measure-characters.ts asks for those.
 */
import { drawCharactersFolder } from './characters-folder.ts'
import { trainForGallery } from './image-gallery.ts'

const out = process.argv[2] ?? 'runs/characters'
const data = `${out}-data`
await drawCharactersFolder(data)
await trainForGallery({
  name: 'characters',
  title: {
    en: 'Pixel-art characters with attributes',
    fr: 'Des personnages en pixels, avec leurs attributs',
  },
  example:
    'atelier generate image --model gallery/characters --prompt "a girl with glasses and red hair" --out girl.png',
  out,
  options: {
    data: [data],
    sources: ['@dicebear/pixel-art, drawn by recipes/characters-data.ts'],
    licence: 'CC0-1.0 (art), MIT (code)',
    size: 32,
    preset: 'nano',
    condition: 'text',
    set: {
      generatorWidth: 48,
      maxTokens: 48,
      vocabSize: 512,
      samples: 12,
    },
    budget: { steps: 4500 },
  },
})
