import { readdir, stat } from 'node:fs/promises'
import { join, relative } from 'node:path'

/** All files below a folder by their path in it, sorted, with their sizes. */
export async function filesIn(folder: string): Promise<{ name: string; bytes: number }[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const sizes = await Promise.all(paths.sort().map((path) => stat(path)))
  return paths.map((path, i) => ({ name: relative(folder, path), bytes: sizes[i]!.size }))
}
