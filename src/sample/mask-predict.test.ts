import { describe, expect, it } from 'vitest'
import { Random } from '../random/random.ts'
import { gibbs, maskPredict } from './mask-predict.ts'
import type { MaskedModel } from './masked-model.ts'

const mask = 3

/** A model of 4 ids, 3 the mask: what stands at a place follows from the id before it, surer the further right. */
function tableModel() {
  const asked: { text: number[]; places: number[] }[] = []
  const logits = async (texts: readonly ArrayLike<number>[], places: readonly number[]) => {
    const text = Array.from(texts[0]!)
    asked.push({ text, places: [...places] })
    const row = (place: number) => {
      const before = text[place - 1] ?? 0
      return [0, 1, 2, 3].map((id) =>
        id === mask ? 9 : id === (before === mask ? 0 : (before + 1) % 3) ? 1 + place : 0,
      )
    }
    return Float32Array.from(places.flatMap(row))
  }
  return { asked, model: { vocabSize: 4, contextLength: 16, logits } as unknown as MaskedModel }
}

describe('maskPredict', () => {
  const ids = Int32Array.of(1, mask, mask, mask, mask)
  const places = [1, 2, 3, 4]

  it('asks for all gaps, then for (T − t) / T of them, the least sure, and keeps special ids out', async () => {
    const { asked, model } = tableModel()
    const {
      ids: filled,
      logProbabilities,
      logits,
    } = await maskPredict(model, ids, places, { special: [mask], rounds: 4 })
    expect(asked.map((one) => one.places)).toEqual([[1, 2, 3, 4], [1, 2, 3], [1, 2], [1]])
    expect(asked[1]!.text).toEqual([1, mask, mask, mask, 0])
    expect(asked[3]!.text).toEqual([1, mask, filled[2], filled[3], filled[4]])
    expect(filled[1]).toBe(2) // what follows 1
    expect([...filled]).not.toContain(mask)
    expect(ids[1]).toBe(mask)
    const last = logits[0]!
    const total = last.reduce((sum, value) => sum + Math.exp(value), 0)
    expect(logProbabilities[0]).toBeCloseTo(last[2]! - Math.log(total), 6)
  })

  it('fills in one round where one is asked for, and never in more than there are gaps', async () => {
    const one = tableModel()
    await maskPredict(one.model, ids, places, { special: [mask], rounds: 1 })
    expect(one.asked).toHaveLength(1)
    const few = tableModel()
    await maskPredict(few.model, Int32Array.of(1, mask), [1], { special: [mask], rounds: 10 })
    expect(few.asked).toHaveLength(1)
  })
})

describe('gibbs', () => {
  it('hides each place once a sweep, and draws from the conditionals: its joint is theirs', async () => {
    // Two places; each is 0 or 1 and agrees with the other with probability 0.8: so must the pairs be.
    const logits = async (texts: readonly ArrayLike<number>[], [place]: readonly number[]) => {
      const other = texts[0]![1 - place!]!
      const of = (id: number) => (id > 1 ? -9 : other > 1 ? 0 : Math.log(id === other ? 0.8 : 0.2))
      return Float32Array.from([0, 1, 2, 3].map(of))
    }
    const model = { vocabSize: 4, contextLength: 2, logits } as unknown as MaskedModel
    const random = Random.seed(7)
    const choose = (row: Float32Array) => {
      const p = Math.exp(row[0]!) / (Math.exp(row[0]!) + Math.exp(row[1]!))
      return random.uniform() < p ? 0 : 1
    }
    const rounds = 2000
    let same = 0
    for (let i = 0; i < rounds; i++) {
      const options = { special: [2, mask], choose, sweeps: 2, random }
      const { ids } = await gibbs(model, Int32Array.of(mask, mask), [0, 1], options)
      same += ids[0] === ids[1] ? 1 : 0
    }
    expect(Math.abs(same - 0.8 * rounds)).toBeLessThan(5 * Math.sqrt(rounds * 0.16))
  })
})
