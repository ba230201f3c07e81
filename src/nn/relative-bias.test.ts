import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { iota } from '../graph/operations/indexing.ts'
import { input } from '../graph/tensor.ts'
import { readFixture } from '../graph/testing/fixture.ts'
import { evaluate } from '../graph/testing/program.ts'
import { Random } from '../random/random.ts'
import type { Engine } from '../runtime/engine.ts'
import { createEngine } from '../runtime/index.ts'
import { initialize, Scope } from './parameters.ts'
import { bucketOf, RelativeBias } from './relative-bias.ts'

interface Buckets {
  readonly first: number
  readonly bidirectional: readonly number[]
  readonly causal: readonly number[]
}

let engine: Engine

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 2 })
})
afterAll(() => engine.close())

describe('RelativeBias', () => {
  it.each(['bidirectional', 'causal'] as const)("puts every distance into transformers' bucket, %s", (kind) => {
    const wanted = readFixture<Buckets>('models/t5/buckets.json')
    const options = { buckets: 32, maxDistance: 128, bidirectional: kind === 'bidirectional' }
    expect(wanted[kind].map((_, i) => bucketOf(wanted.first + i, options))).toEqual(wanted[kind])
  })

  it('gives each head its number for the bucket from query to key, of positions anywhere', async () => {
    const options = { nHeads: 2, buckets: 4, maxDistance: 3, bidirectional: false, deviation: 1 }
    const layer = new RelativeBias(new Scope('bias'), options)
    const y = layer.forward(input('queries', 'int32', [2, 1]), iota(6))
    const weight = Float32Array.from({ length: 8 }, (_, i) => i)
    const got = await evaluate(engine, { y }, { 'bias.weight': weight, queries: Int32Array.of(1, 5) })
    // Distances 0, 1 have their own buckets; 2 shares the third with none; from 3 on all share the last.
    const [near, far] = [
      [1, 0, 0, 0, 0, 0],
      [3, 3, 3, 2, 1, 0],
    ]
    const rows = [near!, far!].flatMap((buckets) =>
      [0, 1].flatMap((head) => buckets.map((bucket) => 2 * bucket + head)),
    )
    expect([...got.y!]).toEqual(rows)
  })

  it.each([
    [true, [-1, 1, -2, 2]],
    [false, [-1, -2, -3]],
  ])(
    'begins with heads that look at one distance, and heads that look near; at both sides: %s',
    (bidirectional, looks) => {
      const options = { nHeads: 8, buckets: 32, maxDistance: 128, bidirectional, deviation: 0 }
      const scope = new Scope()
      new RelativeBias(scope, options)
      const { data } = initialize(scope.parameters.get('weight')!, Random.seed(0))
      const score = (head: number, distance: number) => Number(data[8 * bucketOf(distance, options) + head])
      const far = Array.from({ length: 81 }, (_, i) => i)
      const distances = [...far.map((distance) => -distance), ...(bidirectional ? far.slice(1) : [])]
      for (const [head, distance] of looks.entries()) {
        const weights = distances.map((at) => Math.exp(score(head, at)))
        const share = weights[distances.indexOf(distance)]! / weights.reduce((sum, weight) => sum + weight, 0)
        expect(share, `head ${head}`).toBeGreaterThan(0.7)
      }
      for (let head = looks.length; head < 8; head++)
        for (const side of bidirectional ? [-1, 1] : [-1]) {
          const falling = far.map((distance) => score(head, side * distance))
          expect(falling, `head ${head}`).toEqual(falling.toSorted((a, b) => b - a))
          expect(falling[0]! - falling[80]!, `head ${head}`).toBeGreaterThan(2)
        }
    },
  )

  it.each([1, 3, 16])('begins with finite numbers for %i heads and the fewest buckets', (nHeads) => {
    for (const bidirectional of [true, false]) {
      const scope = new Scope()
      new RelativeBias(scope, { nHeads, buckets: 4, maxDistance: 3, bidirectional, deviation: 0 })
      const data = [...initialize(scope.parameters.get('weight')!, Random.seed(0)).data].map(Number)
      expect(data.every((value) => Math.abs(value) <= 6)).toBe(true)
      expect(data.some((value) => value !== 0)).toBe(true)
    }
  })
})
