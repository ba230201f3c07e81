import { constant, type Tensor } from '../graph/tensor.ts'

/** How rotary angles are slowed, so that a model trained on short contexts reads longer ones. */
export type RopeScaling =
  /** Every frequency over `factor` (Chen et al. 2023, position interpolation). */
  | { readonly kind: 'linear'; readonly factor: number }
  /** Llama 3.1's: slow frequencies over `factor`, fast ones as they are, those between in proportion. */
  | {
      readonly kind: 'llama3'
      readonly factor: number
      /** Frequencies that turn less often than this over the original context are slow. */
      readonly lowFrequency: number
      /** Frequencies that turn more often than this over the original context are fast. */
      readonly highFrequency: number
      readonly originalContext: number
    }

/**
 * cos and sin of position · base^(−2d/D) as constants [positions, D/2] (Su et al. 2021, equation 15),
 * computed in double precision; `scaling` slows the angles.
 */
export function rotaryTables(
  positions: number,
  headSize: number,
  base: number,
  scaling?: RopeScaling,
): { cos: Tensor; sin: Tensor } {
  const half = headSize / 2
  const frequencies = Array.from({ length: half }, (_, d) => scaled(base ** (-d / half), scaling))
  const table = (f: (angle: number) => number) => {
    const data = new Float32Array(positions * half)
    for (let t = 0; t < positions; t++) for (let d = 0; d < half; d++) data[t * half + d] = f(t * frequencies[d]!)
    return constant({ dtype: 'float32', shape: [positions, half], data })
  }
  return { cos: table(Math.cos), sin: table(Math.sin) }
}

/** A frequency in radians a position, as `scaling` slows it. */
function scaled(frequency: number, scaling: RopeScaling | undefined): number {
  if (!scaling) return frequency
  const slow = frequency / scaling.factor
  if (scaling.kind === 'linear') return slow
  const { lowFrequency, highFrequency, originalContext } = scaling
  const turns = (originalContext * frequency) / (2 * Math.PI)
  const share = Math.min(1, Math.max(0, (turns - lowFrequency) / (highFrequency - lowFrequency)))
  return (1 - share) * slow + share * frequency
}
