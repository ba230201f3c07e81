import { existsSync, readdirSync } from 'node:fs'
import { basename, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { nearestName } from '../nearest-name.ts'

/** Where the models lie that come with the package. */
export const galleryFolder = fileURLToPath(new URL('../../gallery', import.meta.url))

/** Where `folder` lies: as it is, or, where there is none and it is called `gallery/NAME`, in the package's gallery. */
export function resolveModelFolder(folder: string): string {
  const [, name] = /^gallery[/\\]([\w-]+)[/\\]?$/.exec(folder) ?? []
  if (name === undefined || existsSync(folder)) return folder
  const inside = join(galleryFolder, name)
  return existsSync(inside) ? inside : folder
}

/** What to do where a folder holds no model: the gallery's model that was meant, or which there are. */
export function modelRemedy(folder: string): string {
  const names = readdirSync(galleryFolder).sort()
  const meant = nearestName(basename(folder), names)
  if (meant !== undefined) return `did you mean gallery/${meant}?`
  return `name a run or a model's folder by --model, or gallery/NAME; see atelier gallery`
}

/** The name that {@link resolveModelFolder} finds a folder by on any machine: `gallery/NAME` for one of the package's. */
export function portableModelFolder(folder: string): string {
  const inside = relative(galleryFolder, folder)
  return inside !== '' && !inside.startsWith('..') && !inside.includes(sep) && existsSync(join(galleryFolder, inside))
    ? `gallery/${inside}`
    : folder
}
