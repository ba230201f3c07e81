import { readdirSync } from 'node:fs'
import { basename } from 'node:path'
import { galleryFolder } from '../files/gallery-folder.ts'
import { nearestName } from '../nearest-name.ts'

/** What to do where a folder holds no model: the gallery's model that was meant, or how to find which there are. */
export function modelRemedy(folder: string): string {
  const meant = nearestName(basename(folder), readdirSync(galleryFolder).sort())
  if (meant !== undefined) return `did you mean gallery/${meant}?`
  return "name a run or a model's folder by --model, or gallery/NAME; see atelier gallery"
}
