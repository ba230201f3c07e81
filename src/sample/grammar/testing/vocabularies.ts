import { type Vocabulary, vocabularyOf } from '../vocabulary.ts'

const utf8 = new TextEncoder()

/** All 256 bytes, then these texts: like a byte-level BPE's. */
export function bytesAnd(...texts: readonly string[]): Vocabulary {
  const bytes = Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte))
  return vocabularyOf([...bytes, ...texts.map((text) => utf8.encode(text))])
}

/** These texts alone. */
export function textsAlone(...texts: readonly string[]): Vocabulary {
  return vocabularyOf(texts.map((text) => utf8.encode(text)))
}
