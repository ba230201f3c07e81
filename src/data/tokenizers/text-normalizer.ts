import { z } from 'zod'
import { PrecompiledMap } from './precompiled-map.ts'
import { corrupt, type TokenizerJson } from './tokenizer-json.ts'

/** Text to text, before it is encoded. */
export type TextNormalizer = (text: string) => string

/** No character below U+0300 changes under NFC, so that most text need not be normalized. */
const mayNeedNfc = /[\u0300-\uffff]/

/** Rust's white space, which has U+0085 and lacks U+FEFF. */
const blank = String.raw`(?:[^\S\ufeff]|\u0085)`
const blankBefore = new RegExp(`^${blank}+`)
const blankAfter = new RegExp(`${blank}+$`)
const blanks = new RegExp(`${blank}+`)

const sequenceSchema = z.looseObject({ normalizers: z.array(z.looseObject({ type: z.string() })) })
const stripSchema = z.looseObject({ strip_left: z.boolean(), strip_right: z.boolean() })
const replaceSchema = z.looseObject({
  content: z.string(),
  pattern: z.union([z.object({ String: z.string().min(1) }), z.object({ Regex: z.literal(' {2,}') })]),
})
const precompiledSchema = z.looseObject({ precompiled_charsmap: z.string().nullable() })

/**
 * What a `normalizer` of Hugging Face's does; undefined for one that only the library knows.
 * Throws CheckpointError for rules that are cut short.
 */
export function textNormalizer(normalizer: TokenizerJson['normalizer']): TextNormalizer | undefined {
  switch (normalizer?.type) {
    case undefined:
      return (text) => text
    case 'NFC':
      return (text) => (mayNeedNfc.test(text) ? text.normalize('NFC') : text)
    case 'NFD':
    case 'NFKC':
    case 'NFKD':
      return (text) => text.normalize(normalizer.type)
    case 'Precompiled':
      return precompiled(normalizer)
    case 'Replace':
      return replacing(normalizer)
    case 'Strip':
      return stripping(normalizer)
    case 'Sequence':
      return inSequence(normalizer)
    default:
      return undefined
  }
}

function precompiled(normalizer: object): TextNormalizer {
  const parsed = precompiledSchema.safeParse(normalizer)
  if (!parsed.success) throw corrupt('its normalizer lacks the precompiled_charsmap')
  if (!parsed.data.precompiled_charsmap) return (text) => text
  const map = new PrecompiledMap(parsed.data.precompiled_charsmap)
  return (text) => map.apply(text)
}

function replacing(normalizer: object): TextNormalizer | undefined {
  const { success, data } = replaceSchema.safeParse(normalizer)
  if (!success) return undefined
  const { pattern, content } = data
  return (text) =>
    'String' in pattern ? text.replaceAll(pattern.String, () => content) : text.replace(/ {2,}/g, () => content)
}

function stripping(normalizer: object): TextNormalizer | undefined {
  const { success, data } = stripSchema.safeParse(normalizer)
  if (!success) return undefined
  return (text) => {
    const right = data.strip_right ? text.replace(blankAfter, '') : text
    return data.strip_left ? right.replace(blankBefore, '') : right
  }
}

function inSequence(normalizer: object): TextNormalizer | undefined {
  const { success, data } = sequenceSchema.safeParse(normalizer)
  if (!success) return undefined
  const parts = data.normalizers.map(textNormalizer)
  if (parts.includes(undefined)) return undefined
  return (text) => parts.reduce((done, part) => part!(done), text)
}

/** The words between blanks, each with a `▁` before it: what `WhitespaceSplit` and `Metaspace` in turn make of a text. */
export function metaspaceWords(text: string, metaspace: string): string {
  const words = text.split(blanks).filter((word) => word !== '')
  return words.map((word) => (word.startsWith(metaspace) ? word : metaspace + word)).join('')
}
