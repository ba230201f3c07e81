import { describe, expect, it } from 'vitest'
import { ConfigError } from '../errors.ts'
import type { CausalConfig } from './architecture.ts'
import { Decoder } from './decoder.ts'
import { Gpt2 } from './gpt2.ts'

const settings: CausalConfig = {
  vocabSize: 19,
  contextLength: 16,
  dModel: 32,
  nLayers: 2,
  nHeads: 4,
  nKvHeads: 2,
  dFf: 40,
  dropout: 0,
  tieEmbeddings: true,
  ropeTheta: 10_000,
  normEpsilon: 1e-5,
}

const count = (model: Decoder | Gpt2) =>
  [...model.scope.parameters.values()].reduce((total, { shape }) => total + shape.reduce((a, b) => a * b, 1), 0)

describe('a configuration', () => {
  it.each<[Partial<CausalConfig>, string]>([
    [{ nLayers: 0 }, 'model: nLayers is 0, wanted a whole number from 1'],
    [{ dModel: 32.5 }, 'model: dModel is 32.5, wanted a whole number from 1'],
    [{ vocabSize: Number.NaN }, 'model: vocabSize is NaN, wanted a whole number from 1'],
    [{ nHeads: 5 }, 'model: dModel 32 is not a multiple of nHeads 5; change one'],
    [{ nKvHeads: 3 }, 'model: nHeads 4 is not a multiple of nKvHeads 3; change one'],
    [{ nHeads: 32 }, 'model: rotary positions need an even head, got dModel/nHeads = 1; change nHeads'],
    [{ dHead: 7 }, 'model: rotary positions need an even head, got dHead 7; change it'],
    [{ dHead: 0 }, 'model: dHead is 0, wanted a whole number from 1'],
    [{ slidingWindow: 0 }, 'model: slidingWindow is 0, wanted a whole number from 1'],
  ])('with %j is refused', (changes, message) => {
    const build = () => new Decoder({ ...settings, ...changes })
    expect(build).toThrow(ConfigError)
    expect(build).toThrow(message)
  })

  it('of GPT-2 has a key head for every head, whatever it says', () => {
    expect(new Gpt2({ ...settings, nKvHeads: 3 }).dimensions.nKvHeads).toBe(4)
  })
})

describe('the parameters', () => {
  it('of the decoder are as many as the formula says, fewer where embeddings are tied', () => {
    const [V, C, F] = [19, 32, 40]
    const layer = C * C + 2 * C * 16 + C * C + 3 * C * F + 2 * C
    expect(count(new Decoder(settings))).toBe(V * C + 2 * layer + C)
    expect(count(new Decoder({ ...settings, tieEmbeddings: false }))).toBe(2 * V * C + 2 * layer + C)
  })

  it('of the decoder are more with biases, with norms of heads, and with wider heads', () => {
    const [C, H, kv] = [32, 4, 2]
    const plain = count(new Decoder(settings))
    expect(count(new Decoder({ ...settings, qkvBias: true }))).toBe(plain + 2 * (C + 2 * 16))
    expect(count(new Decoder({ ...settings, queryKeyNorm: true }))).toBe(plain + 2 * 2 * 8)
    const wider = 2 * (16 - 8) * C * (2 * H + 2 * kv)
    expect(count(new Decoder({ ...settings, dHead: 16 }))).toBe(plain + wider)
  })

  it('of GPT-2 likewise', () => {
    const [V, C, F, T] = [19, 32, 40, 16]
    const layer = 4 * C * C + 4 * C + 2 * C * F + F + C + 4 * C
    expect(count(new Gpt2(settings))).toBe((V + T) * C + 2 * layer + 2 * C)
  })
})
