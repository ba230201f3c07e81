import { createAvatar } from '@dicebear/core'
import * as pixelArt from '@dicebear/pixel-art'
import sharp from 'sharp'
import { Random } from '../src/random/random.ts'

/** Values that an attribute has, each with what @dicebear/pixel-art is told. */
type Palette = Readonly<Record<string, readonly string[]>>

const numbered = (word: string, count: number) =>
  Array.from({ length: count }, (_, i) => `${word}${String(i + 1).padStart(2, '0')}`)

const hairColours: Palette = {
  blond: ['cab188'],
  brown: ['83623b', '603a14'],
  black: ['28150a'],
  red: ['bd1700'],
  blue: ['009bbd'],
  green: ['91cb15'],
}
const clothingColours: Palette = {
  blue: ['428bca', '03396c'],
  green: ['44c585', '00b159'],
  red: ['d11141', 'ae0001'],
  yellow: ['ffd969', 'ffc425'],
}
const skins: Palette = { light: ['ffdbac', 'f5cfa0'], tan: ['cb9e6e', 'b68655'], dark: ['8d5524'] }
const hairs: Palette = { short: numbered('short', 24), long: numbered('long', 21) }
const moods: Palette = { smiling: numbered('happy', 13), sad: numbered('sad', 10) }

/** What a character is asked for by. */
export interface Attributes {
  readonly hair: string
  readonly hairColour: string
  readonly skin: string
  readonly clothing: string
  readonly glasses: 'none' | 'glasses' | 'sunglasses'
  readonly hat: 'none' | 'hat'
  readonly beard: 'none' | 'beard'
  readonly mood: string
}

/** A character: its attributes, its picture's SVG, and captions in English and French. */
export interface Character {
  readonly attributes: Attributes
  readonly svg: string
  readonly captions: readonly string[]
}

/** The values of every attribute, in the order of the classes of a classifier. */
export const attributeValues: { readonly [K in keyof Attributes]: readonly Attributes[K][] } = {
  hair: Object.keys(hairs),
  hairColour: Object.keys(hairColours),
  skin: Object.keys(skins),
  clothing: Object.keys(clothingColours),
  glasses: ['none', 'glasses', 'sunglasses'],
  hat: ['none', 'hat'],
  beard: ['none', 'beard'],
  mood: Object.keys(moods),
}

/**
 * Whether a combination of hair, its colour, clothing and glasses is kept out of the training data: a fifth of them, so
 * that each value alone, and most pairs, are seen, and these together never.
 */
export function isHeldOut({ hair, hairColour, clothing, glasses }: Attributes): boolean {
  return Random.seed(2024).split([hair, hairColour, clothing, glasses].join(' ')).uniform() < 0.2
}

/** The i-th character of a seed: attributes drawn evenly, details of their drawing left to chance. */
export function drawCharacter(seed: number, i: number): Character {
  const random = Random.seed(seed).split('character').at(i)
  const pick = <T>(items: readonly T[]): T => items[random.integer(items.length)]!
  const hair = pick(attributeValues.hair)
  const attributes: Attributes = {
    hair,
    hairColour: pick(attributeValues.hairColour),
    skin: pick(attributeValues.skin),
    clothing: pick(attributeValues.clothing),
    glasses: pick(attributeValues.glasses),
    // Under a hat short hair could not be seen, and nobody could say whether its colour is right.
    hat: hair === 'long' && random.uniform() < 0.3 ? 'hat' : 'none',
    beard: random.uniform() < 0.2 ? 'beard' : 'none',
    mood: pick(attributeValues.mood),
  }
  const of = (palette: Palette, value: string) => [pick(palette[value]!)]
  const shades = attributes.glasses === 'sunglasses' ? 'dark' : 'light'
  const options = {
    seed: `${seed}-${i}`,
    size: 32,
    hair: of(hairs, attributes.hair),
    hairColor: of(hairColours, attributes.hairColour),
    skinColor: of(skins, attributes.skin),
    clothingColor: of(clothingColours, attributes.clothing),
    mouth: of(moods, attributes.mood),
    glasses: [`${shades}0${1 + random.integer(7)}`],
    glassesProbability: attributes.glasses === 'none' ? 0 : 100,
    hatProbability: attributes.hat === 'hat' ? 100 : 0,
    beardProbability: attributes.beard === 'beard' ? 100 : 0,
    accessoriesProbability: 0,
  }
  const svg = createAvatar(pixelArt, options as Parameters<typeof createAvatar<pixelArt.Options>>[1]).toString()
  return { attributes, svg, captions: [english(attributes, random), french(attributes, random)] }
}

/** RGB planes of one character at 32 × 32, on white. */
export async function rasterize({ svg }: Character): Promise<Buffer> {
  return sharp(Buffer.from(svg))
    .resize(32, 32, { kernel: 'nearest' })
    .flatten({ background: '#ffffff' })
    .png()
    .toBuffer()
}

/** Words that say nothing of the attributes, so that none of them comes to mean one. */
const people = ['a person', 'a character', 'a face', 'a girl', 'a boy']

/** A caption in English; what is absent is not mentioned, and parts come in any order. */
export function english(attributes: Attributes, random: Random): string {
  const { hair, hairColour, skin, clothing, glasses, hat, beard, mood } = attributes
  const parts = [
    `${hair} ${hairColour} hair`,
    `${skin} skin`,
    `${clothing} clothes`,
    ...(glasses === 'none' ? [] : [glasses]),
    ...(hat === 'none' ? [] : ['a hat']),
    ...(beard === 'none' ? [] : ['a beard']),
    ...(mood === 'sad' ? ['a sad mouth'] : ['a smile']),
  ]
  random.shuffle(parts)
  const who = people[random.integer(people.length)]!
  return `${who} with ${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`
}

const frenchWords: Readonly<Record<string, string>> = {
  short: 'courts',
  long: 'longs',
  blond: 'blonds',
  brown: 'bruns',
  black: 'noirs',
  red: 'rouges',
  blue: 'bleus',
  green: 'verts',
  yellow: 'jaunes',
  light: 'claire',
  tan: 'mate',
  dark: 'foncée',
  glasses: 'des lunettes',
  sunglasses: 'des lunettes de soleil',
}
const personnes = ['une personne', 'un personnage', 'un visage', 'une fille', 'un garçon']

/** The same in French. */
export function french(attributes: Attributes, random: Random): string {
  const { hair, hairColour, skin, clothing, glasses, hat, beard, mood } = attributes
  const word = (key: string) => frenchWords[key]!
  const parts = [
    `des cheveux ${word(hair)} ${word(hairColour)}`,
    `la peau ${word(skin)}`,
    `des habits ${word(clothing)}`,
    ...(glasses === 'none' ? [] : [word(glasses)]),
    ...(hat === 'none' ? [] : ['un chapeau']),
    ...(beard === 'none' ? [] : ['une barbe']),
    ...(mood === 'sad' ? ['la bouche triste'] : ['un sourire']),
  ]
  random.shuffle(parts)
  const who = personnes[random.integer(personnes.length)]!
  return `${who} avec ${parts.slice(0, -1).join(', ')} et ${parts.at(-1)}`
}
