import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Random } from '../../random/random.ts'
import type { Engine } from '../../runtime/engine.ts'
import { createEngine } from '../../runtime/index.ts'
import { gradients } from '../gradient.ts'
import { input, type Tensor } from '../tensor.ts'
import { expectSlopes, slopes } from '../testing/differences.ts'
import { evaluate } from '../testing/program.ts'
import { expectClose } from '../testing/tolerance.ts'
import { attention } from './attention.ts'
import { mul } from './elementwise.ts'
import { sum } from './reduce.ts'
import { rotary } from './rotary.ts'

let engine: Engine

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 2 })
})
afterAll(() => engine.close())

interface Sizes {
  readonly B: number
  readonly T: number
  readonly H: number
  readonly kvHeads: number
  readonly D: number
  readonly window?: number
}

/** softmax(q kᵀ/√D + mask) v and its gradients for cotangent g, element by element in double precision. */
function reference(
  { B, T, H, kvHeads, D, window = T }: Sizes,
  q: Float32Array,
  k: Float32Array,
  v: Float32Array,
  g: Float32Array,
) {
  const [y, dq, dk, dv] = [q, q, k, v].map((x) => new Float64Array(x.length)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ]
  const share = H / kvHeads
  const scale = D ** -0.5
  for (let b = 0; b < B; b++)
    for (let h = 0; h < H; h++)
      for (let t = 0; t < T; t++) {
        const at = ((b * T + t) * H + h) * D
        const keyAt = (s: number) => ((b * T + s) * kvHeads + Math.floor(h / share)) * D
        const dot = (x: Float32Array, i: number, z: Float32Array, j: number) => {
          let total = 0
          for (let d = 0; d < D; d++) total += x[i + d]! * z[j + d]!
          return total
        }
        const seen = (s: number) => (t - s < window ? scale * dot(q, at, k, keyAt(s)) : Number.NEGATIVE_INFINITY)
        const scores = Array.from({ length: t + 1 }, (_, s) => seen(s))
        const highest = scores.reduce((a, c) => Math.max(a, c))
        const e = scores.map((score) => Math.exp(score - highest))
        const total = e.reduce((a, c) => a + c)
        const p = e.map((value) => value / total)
        const dp = p.map((_, s) => dot(g, at, v, keyAt(s)))
        const mean = p.reduce((a, value, s) => a + value * dp[s]!, 0)
        for (const [s, value] of p.entries()) {
          const ds = scale * value * (dp[s]! - mean)
          for (let d = 0; d < D; d++) {
            y[at + d]! += value * v[keyAt(s) + d]!
            dv[keyAt(s) + d]! += value * g[at + d]!
            dq[at + d]! += ds * k[keyAt(s) + d]!
            dk[keyAt(s) + d]! += ds * q[at + d]!
          }
        }
      }
  return { y, dq, dk, dv }
}

function problem({ B, T, H, kvHeads, D }: Sizes, spread = 1) {
  const random = Random.seed(T)
  const normal = (heads: number, deviation: number) => {
    const data = new Float32Array(B * T * heads * D)
    random.fillGaussian(data, deviation)
    return data
  }
  return { q: normal(H, spread), k: normal(kvHeads, spread), v: normal(kvHeads, 1), g: normal(H, 1) }
}

function graph({ B, T, H, kvHeads, D, window }: Sizes) {
  const at = (name: string, heads: number) => input(name, 'float32', [B, T, heads, D])
  const [q, k, v, g] = [at('q', H), at('k', kvHeads), at('v', kvHeads), at('g', H)] as [Tensor, Tensor, Tensor, Tensor]
  const y = attention(q, k, v, { causal: true, window })
  const [dq, dk, dv] = gradients(sum(mul(y, g)), [q, k, v]) as [Tensor, Tensor, Tensor]
  return { wrt: [q, k, v], outputs: { y, dq, dk, dv } }
}

describe('causal attention', () => {
  it.each([1, 2, 85, 86, 127, 128, 129, 172, 256, 257, 300, 384])(
    'of %i positions: value and gradients of grouped heads',
    async (T) => {
      const sizes = { B: 2, T, H: 4, kvHeads: 2, D: 8 }
      const feeds = problem(sizes)
      const wanted = reference(sizes, feeds.q, feeds.k, feeds.v, feeds.g)
      for (const provider of ['cpu', 'webgpu'] as const) {
        const got = await evaluate(engine, graph(sizes).outputs, feeds, { provider })
        for (const name of ['y', 'dq', 'dk', 'dv'] as const)
          expectClose(got[name]!, [...wanted[name]], { relative: 2e-5, absolute: 1e-5, what: name })
      }
    },
  )

  it.each([1, 5, 129])('of 257 positions through a window of %i: value and gradients', async (window) => {
    const sizes = { B: 1, T: 257, H: 2, kvHeads: 1, D: 8, window }
    const feeds = problem(sizes)
    const wanted = reference(sizes, feeds.q, feeds.k, feeds.v, feeds.g)
    const got = await evaluate(engine, graph(sizes).outputs, feeds)
    for (const name of ['y', 'dq', 'dk', 'dv'] as const)
      expectClose(got[name]!, [...wanted[name]], { relative: 2e-5, absolute: 1e-5, what: name })
  })

  it('of 257 positions: second gradient by differences', async () => {
    const sizes = { B: 1, T: 257, H: 2, kvHeads: 1, D: 2 }
    const { wrt, outputs } = graph(sizes)
    const { g, ...feeds } = problem(sizes)
    expect(g.length).toBe(257 * 4)
    expectSlopes(await slopes(engine, [outputs.y], wrt, feeds))
  })

  it('takes scores of ±10⁴: one key has all the weight', async () => {
    const sizes = { B: 1, T: 130, H: 2, kvHeads: 2, D: 8 }
    const feeds = problem(sizes, 60)
    const wanted = reference(sizes, feeds.q, feeds.k, feeds.v, feeds.g)
    const scores = feeds.q.reduce((most, value) => Math.max(most, Math.abs(value)), 0) ** 2 * 8 ** 0.5
    expect(scores).toBeGreaterThan(1e4)
    const got = await evaluate(engine, graph(sizes).outputs, feeds)
    // A score of 10⁴ is known to 10⁻³ in float32: so are probabilities where two keys come close.
    expectClose(got.y!, [...wanted.y], { absolute: 0.01 })
    for (const name of ['y', 'dq', 'dk', 'dv'] as const) expect(got[name]!.every((x) => Number.isFinite(x))).toBe(true)
  })

  it('lets no position see a later one', async () => {
    const sizes = { B: 1, T: 260, H: 1, kvHeads: 1, D: 4 }
    const feeds = problem(sizes)
    const { y } = graph(sizes).outputs
    const before = (await evaluate(engine, { y }, feeds)).y!
    for (const changed of [1, 128, 129, 200, 259]) {
      const bump = (data: Float32Array) => data.map((value, i) => (i >= changed * 4 ? value + 5 : value))
      const after = (await evaluate(engine, { y }, { ...feeds, k: bump(feeds.k), v: bump(feeds.v) })).y!
      const firstOther = after.findIndex((value, i) => value !== before[i])
      expect(Math.floor(firstOther / 4)).toBe(changed)
    }
  })
})

describe('rotary', () => {
  it('turns back what it turned: its gradient is the inverse', async () => {
    const [x, cos, sin] = [
      input('x', 'float32', [1, 3, 2, 4]),
      input('cos', 'float32', [3, 2]),
      input('sin', 'float32', [3, 2]),
    ]
    const y = rotary(x, cos, sin)
    const [back] = gradients(mul(sum(mul(y, y)), 0.5), [x])
    const angles = [0, 0, 0.5, 0.1, 1, 0.2]
    const data = Float32Array.from({ length: 24 }, (_, i) => Math.sin(i))
    const feeds = { x: data, cos: Float32Array.from(angles, Math.cos), sin: Float32Array.from(angles, Math.sin) }
    expectClose((await evaluate(engine, { back: back! }, feeds)).back!, data)
  })
})
