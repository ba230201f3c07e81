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
  asked: [
    'red heart',
    'smiling face',
    'une pomme rouge',
    'soleil',
    'woman farmer',
    'cœur bleu',
    'pizza',
    'chat',
    'full moon',
    'palmier',
    'keycap: 5',
    'bus',
    'visage en colère',
    'fleur de cerisier',
    'orange',
    'house',
  ],
  // its captions begin without an article, but for "A button" and "une heure", and write œ
  normalizers: [
    replaced({ Regex: "^(?!a button|une heure)(?:(?:an?|the|some|une?|des|du|les?|la) |l['’])(?=\\S)" }, ''),
    replaced({ String: 'oeu' }, 'œu'),
    replaced({ String: 'oeil' }, 'œil'),
  ],
  limits: [
    'It paints what it learned: of what it never saw, and of words that its captions spell otherwise (étoile, not etoile), it makes something near by.',
    'Colours and plain shapes come out well: hearts, stars, suns, fruit. A face is a face, but not always with the mood that was asked for; fine drawing is lost.',
    'The words decide nearly everything: seeds change little.',
  ],
  biases: [
    'What emoji there are, and what they are called, was decided by the Unicode Consortium and the translators of its names.',
    'Of people whose caption tells no skin it paints the yellow of the set; what a teacher or a farmer looks like is the artist’s view.',
  ],
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

/** A rule of a tokenizer's normalizer. */
function replaced(pattern: object, content: string) {
  return { type: 'Replace', pattern, content }
}
