import type { HostTensor } from '../../src/graph/dtype.ts'
import { initialize } from '../../src/nn/parameters.ts'
import { type LoweredProgram, lower } from '../../src/onnx/lower.ts'
import { Random } from '../../src/random/random.ts'
import { PeerGpt, type PeerGptOptions } from './peer-gpt.ts'

/** The sizes of `torch_peers.py decode`: GPT-2's, 163 M parameters with its untied head. */
export const gpt2Size: PeerGptOptions = { vocabulary: 50257, context: 1024, width: 768, layers: 12, heads: 12 }

/** Positions that both sides cycle through, as the peer does. */
export const positions = 512

/** One decoding step of the peers' GPT as ONNX, its weights as initializers, and those weights. */
export function decodeProgram(options: PeerGptOptions): {
  program: LoweredProgram
  weights: Record<string, HostTensor>
} {
  const model = new PeerGpt(options)
  const initializers = [...model.scope.parameters.keys()]
  const random = Random.seed(1)
  const weights = [...model.scope.parameters.values()].map(
    (parameter) => [parameter.name, initialize(parameter, random)] as const,
  )
  const program = lower(model.decodeStep(), { provider: 'cpu', initializers })
  return { program, weights: Object.fromEntries(weights) }
}

/** The index of the greatest logit. */
export function argmax(logits: ArrayLike<number>): number {
  let best = 0
  for (let id = 1; id < logits.length; id++) if (logits[id]! > logits[best]!) best = id
  return best
}
