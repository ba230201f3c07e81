import { existsSync } from 'node:fs'
import { join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where the models lie that come with the package. */
export const galleryFolder = fileURLToPath(new URL('../../gallery', import.meta.url))

/** Where `folder` lies: as it is, or, where there is none and it is called `gallery/NAME`, in the package's gallery. */
export function resolveModelFolder(folder: string): string {
  const [, name] = /^gallery[/\\]([\w-]+)[/\\]?$/.exec(folder) ?? []
  if (name === undefined || existsSync(folder)) return folder
  const inside = join(galleryFolder, name)
  return existsSync(inside) ? inside : folder
}

/** The name that {@link resolveModelFolder} finds a folder by on any machine: `gallery/NAME` for one of the package's. */
export function portableModelFolder(folder: string): string {
  const inside = relative(galleryFolder, folder)
  return inside !== '' && !inside.startsWith('..') && !inside.includes(sep) && existsSync(join(galleryFolder, inside))
    ? `gallery/${inside}`
    : folder
}
