import { tmpdir } from 'node:os'
import { DocumentSpool } from '../../src/data/document-spool.ts'
import { splitDocuments } from '../../src/data/held-out.ts'
import { digestOf } from '../../src/files/digest-of.ts'

/** By default a training holds out a tenth of its documents, chosen by content and this seed. */
const [heldOut, seed] = [0.1, 0]

/** What of some documents a training on them alone holds out by default, and the digest of its data. */
export interface HeldOutTexts {
  readonly texts: readonly string[]
  /** As cards tell it. */
  readonly digest: string
}

/** Finds {@link HeldOutTexts}; documents are in NFC and not empty. */
export async function heldOutOf(documents: readonly string[]): Promise<HeldOutTexts> {
  const distinct = [...new Set(documents)]
  const spool = await DocumentSpool.create(tmpdir(), seed)
  try {
    for (const text of distinct) await spool.add(text, true)
    const split = await splitDocuments(spool, heldOut)
    const digest = digestOf({ documents: spool.digest, heldOut, seed })
    return { texts: distinct.filter((_, i) => split.heldOut[i] === 1), digest }
  } finally {
    await spool.dispose()
  }
}
