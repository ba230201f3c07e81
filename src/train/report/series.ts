/** A point of a curve: x is a step. */
export interface Point {
  readonly x: number
  readonly y: number
}

/** A stretch of neighbouring points: where it lies, and the lowest, highest and mean value in it. */
export interface Bucket extends Point {
  readonly low: number
  readonly high: number
}

/** The points with a finite value; the others cannot be drawn. */
export function finitePoints<T extends { readonly step: number }>(lines: readonly T[], value: (line: T) => unknown) {
  return lines.flatMap((line): Point[] => {
    const y = value(line)
    return typeof y === 'number' && Number.isFinite(y) ? [{ x: line.step, y }] : []
  })
}

/**
 * The mean over `reach` points on either side; near the start over as few on both sides as there are
 * before, near the end over those that there are. Unlike an exponential average it does not lag behind a falling curve.
 */
export function smooth(points: readonly Point[], reach: number): Point[] {
  const sums = new Float64Array(points.length + 1)
  points.forEach(({ y }, i) => {
    sums[i + 1] = (sums[i] as number) + y
  })
  return points.map(({ x }, i) => {
    const before = Math.min(reach, i)
    const after = Math.min(before, points.length - 1 - i)
    const sum = (sums[i + after + 1] as number) - (sums[i - before] as number)
    return { x, y: sum / (before + 1 + after) }
  })
}

/** At most `count` buckets of as many neighbouring points each, so that a long curve stays light and keeps its extremes. */
export function bucketed(points: readonly Point[], count: number): Bucket[] {
  const size = Math.max(1, Math.ceil(points.length / count))
  return Array.from({ length: Math.ceil(points.length / size) }, (_, i) =>
    bucketOf(points.slice(i * size, (i + 1) * size)),
  )
}

function bucketOf(points: readonly Point[]): Bucket {
  const values = points.map(({ y }) => y)
  const mean = (numbers: readonly number[]) => numbers.reduce((sum, number) => sum + number, 0) / numbers.length
  return { x: mean(points.map(({ x }) => x)), y: mean(values), low: Math.min(...values), high: Math.max(...values) }
}

/** A value that `share` of the values do not exceed; 0 for none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
}

/** About `count` round numbers (1, 2 or 5 times a power of ten apart) within a range. */
export function ticks(low: number, high: number, count: number): number[] {
  const rough = (high - low) / count
  if (!(rough > 0)) return [low]
  const power = 10 ** Math.floor(Math.log10(rough))
  const spacing = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power
  const first = Math.ceil(low / spacing - 1e-9)
  const last = Math.floor(high / spacing + 1e-9)
  return Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * spacing).toPrecision(12)))
}
