import { tmpdir } from 'node:os'
import { DocumentSpool } from '../../src/data/document-spool.ts'
import { splitDocuments } from '../../src/data/held-out.ts'

/** Those of the documents that a training on them alone holds out, by its defaults: a tenth, chosen by content. */
export async function heldOutOf(documents: readonly string[]): Promise<string[]> {
  const distinct = [...new Set(documents)]
  const spool = await DocumentSpool.create(tmpdir(), 0)
  try {
    for (const text of distinct) await spool.add(text, true)
    const { heldOut } = await splitDocuments(spool, 0.1)
    return distinct.filter((_, i) => heldOut[i] === 1)
  } finally {
    await spool.dispose()
  }
}
