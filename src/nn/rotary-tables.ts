import { constant, type Tensor } from '../graph/tensor.ts'

/**
 * cos and sin of position · base^(−2d/D) as constants [positions, D/2] (Su et al. 2021, equation 15),
 * computed in double precision.
 */
export function rotaryTables(positions: number, headSize: number, base: number): { cos: Tensor; sin: Tensor } {
  const half = headSize / 2
  const table = (f: (angle: number) => number) => {
    const data = new Float32Array(positions * half)
    for (let t = 0; t < positions; t++) for (let d = 0; d < half; d++) data[t * half + d] = f(t * base ** (-d / half))
    return constant({ dtype: 'float32', shape: [positions, half], data })
  }
  return { cos: table(Math.cos), sin: table(Math.sin) }
}
