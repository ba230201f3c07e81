import { ShapeError } from '../errors.ts'
import { div, mul } from '../graph/operations/elementwise.ts'
import { crossEntropy } from '../graph/operations/loss.ts'
import { mean, sum } from '../graph/operations/reduce.ts'
import { reshape, slice } from '../graph/operations/shape.ts'
import { formatShape, type Tensor } from '../graph/tensor.ts'

/** Maps ids [B, T] to logits [B, T, V]. */
type Predict = (ids: Tensor) => Tensor

/** Losses in nats of every prediction [B·T] of windows int32 [B, T + 1]: the first T ids predict the last T. */
function losses(tokens: Tensor, predict: Predict, smoothing: number): Tensor {
  const [B, width] = tokens.shape as [number, number]
  if (tokens.rank !== 2 || width < 2)
    throw new ShapeError(`nextTokenLoss: tokens are ${formatShape(tokens.shape)}, wanted [B, T + 1]`)
  const T = width - 1
  const logits = predict(slice(tokens, 1, 0, T))
  const targets = reshape(slice(tokens, 1, 1, width), [B * T])
  return crossEntropy(reshape(logits, [B * T, logits.shape[2]!]), targets, smoothing)
}

/** Mean cross-entropy of predicting each next id, in nats: a scalar from windows int32 [B, T + 1]. */
export function nextTokenLoss(tokens: Tensor, predict: Predict, options: { readonly smoothing?: number } = {}): Tensor {
  return mean(losses(tokens, predict, options.smoothing ?? 0))
}

/** Mean over the mask [B, T] (1 counts, 0 does not) of the cross-entropies of windows int32 [B, T + 1], in nats. */
export function answerLoss(
  tokens: Tensor,
  mask: Tensor,
  predict: Predict,
  options: { readonly smoothing?: number } = {},
): Tensor {
  const each = losses(tokens, predict, options.smoothing ?? 0)
  return div(sum(mul(each, reshape(mask, each.shape))), sum(mask))
}

/** Sum over the mask [B, T] (1 counts, 0 does not) of the cross-entropies of windows int32 [B, T + 1]. */
export function maskedNextTokenLoss(tokens: Tensor, mask: Tensor, predict: Predict): Tensor {
  const each = losses(tokens, predict, 0)
  return sum(mul(each, reshape(mask, each.shape)))
}
