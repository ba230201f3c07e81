import { countWords, trainBpe } from '../../src/data/tokenizers/index.ts'
import { Random } from '../../src/random/random.ts'

/**
 * The bytes of a vocabulary like a large tokenizer's, `size` tokens: byte-pair encoding of what syllables, spaces,
 * digits and marks make.
 */
export function everyWordOf(size: number): Uint8Array[] {
  const random = Random.seed(2).split('vocabulary')
  const pick = (from: readonly string[]) => from[random.integer(from.length)]!
  const syllables = Array.from(
    { length: 400 },
    () => pick([...'bcdfghjklmnprstvwz', 'th', 'sh', 'é']) + pick([...'aeiouy', 'ea']) + pick(['', 'n', 'r', 's']),
  )
  const word = () => Array.from({ length: 1 + random.integer(4) }, () => pick(syllables)).join('')
  const mark = () => pick([', ', '. ', ' "', '": "', '", "', '{"', '"}', ' 12', ' 2024-01-01', '\n  ', ' 😀', ' ('])
  const text = Array.from({ length: 60_000 }, () => `${pick([' ', ' ', ' ', mark()])}${word()}`).join('')
  const tokenizer = trainBpe(countWords([text]), { vocabSize: size + 1, minFrequency: 1 })
  return Array.from({ length: size }, (_, id) => tokenizer.bytesOf(id))
}
