import { sideOfName } from './side-of.ts'

/**
 * Classes that folders say: each picture's is the name of the first folder in which pictures part, so that
 * `pets/cats/a.png` and `pets/dogs/b.png` are cats and dogs. Folders that say a side are no classes, and `train` says
 * one only where another folder holds something out: beside `car` and `plane` it is a class.
 *
 * Takes the folders that hold each picture, outermost first; undefined for pictures above all classes, and for all where
 * there is one class at most.
 */
export function folderClasses(folders: readonly (readonly string[])[]): (string | undefined)[] {
  const split = folders.some((names) => names.some((name) => sideOfName(name) === 'held-out'))
  const isSide = (name: string) => sideOfName(name) === 'held-out' || (split && sideOfName(name) === 'train')
  const kept = folders.map((names) => names.filter((name) => !isSide(name)))
  const depth = sharedDepth(kept)
  const classes = kept.map((names) => names[depth])
  const several = new Set(classes.filter((name) => name !== undefined)).size > 1
  return several ? classes : classes.map(() => undefined)
}

/** How many folders all pictures have in common. */
function sharedDepth(folders: readonly (readonly string[])[]): number {
  const [first = []] = folders
  const differs = first.findIndex((name, depth) => folders.some((names) => names[depth] !== name))
  return differs === -1 ? first.length : differs
}
