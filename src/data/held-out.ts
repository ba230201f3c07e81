import { DataError } from '../errors.ts'
import type { DocumentSpool } from './document-spool.ts'

/** Which bytes of a spool train and which are held out. */
export interface Split {
  /** UTF-8 bytes of each part, in the spool's order: a part is a document, or a piece of the only document. */
  readonly byteLengths: readonly number[]
  /** 1 for each part that is held out. */
  readonly heldOut: Uint8Array
  /** Whether parts are whole documents, which an end-of-text token may close. */
  readonly wholeDocuments: boolean
}

/**
 * Divides the documents of a spool: `fraction` of the bytes, by document, at least one document, chosen by content
 * and seed (the order of the files does not matter); of a single document, its last `fraction` of the characters.
 * Throws `DataError` when there is no document or one of a single character.
 */
export async function splitDocuments(spool: DocumentSpool, fraction: number): Promise<Split> {
  const { byteLengths, scores, bytes, characters } = spool
  if (byteLengths.length > 1) {
    return { byteLengths, heldOut: chooseHeldOut(byteLengths, scores, fraction), wholeDocuments: true }
  }
  if (characters < 2) {
    throw new DataError(`split corpus: got ${characters} characters, wanted at least 2; add text`, { characters })
  }
  const kept = Math.min(characters - 1, Math.max(1, Math.floor(characters * (1 - fraction))))
  const cut = await spool.offsetOfCharacter(kept)
  return { byteLengths: [cut, bytes - cut], heldOut: Uint8Array.of(0, 1), wholeDocuments: false }
}

/**
 * Marks documents in the order of their scores, each that brings the marked bytes nearer to `fraction` of all;
 * when every document is too long for that, the shortest. Returns a 1 for each that is held out.
 */
export function chooseHeldOut(byteLengths: readonly number[], scores: readonly number[], fraction: number) {
  const target = fraction * byteLengths.reduce((sum, length) => sum + length, 0)
  const heldOut = new Uint8Array(byteLengths.length)
  let marked = 0
  for (const document of indicesBy(scores)) {
    const length = byteLengths[document]!
    if (marked + length / 2 > target) continue
    heldOut[document] = 1
    marked += length
  }
  if (marked === 0) heldOut[indicesBy(byteLengths)[0]!] = 1
  return heldOut
}

function indicesBy(keys: readonly number[]): Uint32Array {
  return Uint32Array.from(keys.keys()).sort((a, b) => keys[a]! - keys[b]! || a - b)
}
