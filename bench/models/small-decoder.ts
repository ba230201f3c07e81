import type { HostTensor } from '../../src/graph/dtype.ts'
import type { CausalConfig } from '../../src/models/architecture.ts'
import { Decoder } from '../../src/models/decoder.ts'
import { initialize } from '../../src/nn/parameters.ts'
import { Random } from '../../src/random/random.ts'

const base = { contextLength: 512, dropout: 0, tieEmbeddings: false, ropeTheta: 10_000, normEpsilon: 1e-5 }

/** A Llama decoder of 12.9 M parameters: 10.3 M and an untied head for 8,192 tokens. */
export const tenMillion: CausalConfig = {
  ...base,
  vocabSize: 8192,
  dModel: 320,
  nLayers: 6,
  nHeads: 5,
  nKvHeads: 5,
  dFf: 896,
}

/** A Llama decoder of 98 M parameters: 85 M in layers, a table and an untied head for 8,192 tokens. */
export const hundredMillion: CausalConfig = {
  ...tenMillion,
  dModel: 768,
  nLayers: 12,
  nHeads: 12,
  nKvHeads: 12,
  dFf: 2048,
}

/** The gallery's size: 4.7 M parameters, 4,096 tokens. */
export const gallerySize: CausalConfig = {
  ...base,
  tieEmbeddings: true,
  contextLength: 256,
  vocabSize: 4096,
  dModel: 256,
  nLayers: 5,
  nHeads: 8,
  nKvHeads: 4,
  dFf: 704,
}

/** Logits of a small trained model deviate by about this: some 3.5 nats of entropy over 8,192 tokens. */
const logitDeviation = 3.3

/** A decoder with weights drawn anew; its logits are spread as a trained model's. */
export function untrainedDecoder(config: CausalConfig): { model: Decoder; weights: Record<string, HostTensor> } {
  const model = new Decoder(config)
  const random = Random.seed(1)
  const head = config.tieEmbeddings ? 'model.embed_tokens.weight' : 'lm_head.weight'
  const weights = [...model.scope.parameters.values()].map((parameter) => {
    const { name, initializer } = parameter
    const deviation = logitDeviation / Math.sqrt(config.dModel)
    const spread = name === head ? { ...parameter, initializer: { kind: 'normal' as const, deviation } } : parameter
    return [name, initialize(initializer.kind === 'normal' ? spread : parameter, random)] as const
  })
  return { model, weights: Object.fromEntries(weights) }
}
