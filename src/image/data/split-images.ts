import type { Side } from './picture-entry.ts'
import type { PictureSpool } from './picture-spool.ts'

/**
 * Chooses the side of each picture. Where sources say by their names what is held out, and leave something to learn
 * from, it is that and nothing else; otherwise the `fraction` of the pictures with the lowest scores, one at least:
 * a function of each picture's content and the seed, whatever the order and the size.
 */
export function splitImages(
  { sides, scores }: Pick<PictureSpool, 'sides' | 'scores'>,
  fraction: number,
): { readonly sides: readonly Side[]; readonly ownSplit: boolean } {
  const said = sides.map((side) => side ?? 'train')
  if (said.includes('held-out') && said.includes('train')) return { sides: said, ownSplit: true }
  const wanted = Math.max(1, Math.round(fraction * scores.length))
  const byScore = Uint32Array.from(scores.keys()).sort((a, b) => scores[a]! - scores[b]! || a - b)
  const chosen: Side[] = scores.map(() => 'train')
  for (const picture of byScore.subarray(0, wanted)) chosen[picture] = 'held-out'
  return { sides: chosen, ownSplit: false }
}
