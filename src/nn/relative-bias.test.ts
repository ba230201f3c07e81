import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { iota } from '../graph/operations/indexing.ts'
import { input } from '../graph/tensor.ts'
import { readFixture } from '../graph/testing/fixture.ts'
import { evaluate } from '../graph/testing/program.ts'
import type { Engine } from '../runtime/engine.ts'
import { createEngine } from '../runtime/index.ts'
import { Scope } from './parameters.ts'
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
})
