import { describe, expect, it } from 'vitest'
import { Random } from '../random/random.ts'
import { createCandidates } from './candidates.ts'
import { totalSlack } from './causal-model.ts'
import { expNegative } from './exponential.ts'
import { greatest } from './gather.ts'
import { logNormalizer } from './log-probabilities.ts'
import { holdNucleus } from './nucleus.ts'

const vocabSize = 300
const slack = totalSlack(vocabSize)

/** Sums that are as wrong as they may be. */
function sumsOf(logits: Float32Array, temperature: number, error: number) {
  const top = greatest(logits)
  const total = logits.reduce((sum, logit) => sum + expNegative((logit - top) / temperature), 0)
  return { top, normalizer: logNormalizer(logits), total: total * (1 + error) }
}

function nucleusOf(...[logits, temperature, topP, sums]: [Float32Array, number, number, ReturnType<typeof sumsOf>?]) {
  const room = createCandidates(vocabSize)
  holdNucleus(logits, temperature, topP, room, sums)
  const { ids, weights, count, total } = room
  return { ids: [...ids.subarray(0, count)], weights: [...weights.subarray(0, count)], total }
}

describe('holdNucleus', () => {
  const random = Random.seed(5)

  it('holds by sums that are nearly right what it holds by exact ones', () => {
    for (let i = 0; i < 300; i++) {
      const logits = Float32Array.from({ length: vocabSize }, () => 12 * random.uniform() * random.uniform())
      const [temperature, topP] = [0.3 + random.uniform(), 0.5 + random.uniform() / 2]
      for (const error of [-slack, slack])
        expect(nucleusOf(logits, temperature, topP, sumsOf(logits, temperature, error))).toEqual(
          nucleusOf(logits, temperature, topP),
        )
    }
  })

  it('leaves near calls to the exact sum: a half that the first half of equal logits just reaches', () => {
    const logits = new Float32Array(vocabSize)
    for (const error of [-slack, -1e-9, 1e-9, slack]) {
      const { ids, total } = nucleusOf(logits, 1, 0.5, sumsOf(logits, 1, error))
      expect([ids.length, total]).toEqual([150, 150])
    }
  })

  it('leaves it to the exact sum where what is gathered falls short of a budget that is a little too large', () => {
    const topP = 0.9999
    const light = ((1 - topP) * 2 * 0.998) / vocabSize // just too light to be gathered, all but two
    const logits = Float32Array.from({ length: vocabSize }, (_, id) => (id < 2 ? 0 : Math.log(light)))
    for (const error of [-slack, slack])
      expect(nucleusOf(logits, 1, topP, sumsOf(logits, 1, error))).toEqual({ ids: [0, 1], weights: [1, 1], total: 2 })
  })
})
