import { type Program, positionKinds } from './program.ts'

/**
 * The fewest bytes from each position to the end of its rule, Infinity where there is no way: the least fixed point of
 * Knuth 1977, "A generalization of Dijkstra's algorithm", by sweeps, since positions stand after those they go on to.
 *
 * `canRead` says which groups of bytes there are at all: a vocabulary may lack some.
 */
export function leastBytes(program: Program, canRead: (group: number) => boolean): Float64Array {
  const { kinds, targets, nexts, splits, classes, entries } = program
  const readable = classes.map((holds) => holds.some((held, group) => held === 1 && canRead(group)))
  const least = new Float64Array(kinds.length).fill(Number.POSITIVE_INFINITY)
  const at = (position: number | undefined) => least[position as number] as number
  const bytesFrom = (position: number): number => {
    const [target, next] = [targets[position] as number, nexts[position] as number]
    if (kinds[position] === positionKinds.end) return 0
    if (kinds[position] === positionKinds.read) return readable[target] ? 1 + at(next) : Number.POSITIVE_INFINITY
    if (kinds[position] === positionKinds.call) return at(entries[target]) + at(next)
    return (splits.get(position) ?? []).reduce((fewest, way) => Math.min(fewest, at(way)), Number.POSITIVE_INFINITY)
  }
  for (let changed = true; changed; ) {
    changed = false
    for (let position = 0; position < kinds.length; position++) {
      const bytes = bytesFrom(position)
      if (bytes >= at(position)) continue
      least[position] = bytes
      changed = true
    }
  }
  return least
}
