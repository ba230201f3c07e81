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
  asked: [
    'a girl with glasses and red hair',
    'a boy with short blue hair and a smile',
    'a person with a beard, sunglasses and green clothes',
    'a character with dark skin, long blond hair and red clothes',
    'une personne avec des cheveux longs verts et un chapeau',
    'un visage avec des cheveux courts noirs et des lunettes de soleil',
    'a boy with tan skin and a hat',
    'une fille avec un sourire',
  ],
  limits: [
    'It heeds hair, skin, hats and glasses; colours mostly; beards and moods often not.',
    'The words decide nearly everything: one prompt gives nearly one picture, whatever the seed.',
    'Words of other things than its attributes mean nothing to it.',
  ],
  biases: [
    'Girl and boy mean nothing to it: the captions that it learned from say them at random.',
    'Faces are of one style, with few features and few shades of skin.',
  ],
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
