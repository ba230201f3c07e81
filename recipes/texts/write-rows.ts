import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { writeFileAtomic } from '../../src/files/atomic-write.ts'

/** Writes rows as JSON lines, unless the file is there. */
export async function writeRows(path: string, rows: () => Promise<readonly object[]>): Promise<void> {
  if (existsSync(path)) return
  await mkdir(dirname(path), { recursive: true })
  await writeFileAtomic(path, `${(await rows()).map((row) => JSON.stringify(row)).join('\n')}\n`)
}
