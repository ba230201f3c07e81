import { ConfigError } from '../errors.ts'
import type { CausalConfig, CausalDimensions } from './architecture.ts'

/** Settings that are sizes. */
type Sizes = Pick<CausalConfig, keyof CausalConfig & keyof CausalDimensions> &
  Pick<CausalConfig, 'dFf' | 'slidingWindow'>

/** Derived sizes of a model. Throws {@link ConfigError} where heads do not divide what they must, or for sizes that are no sizes. */
export function checkHeads(settings: Sizes, { even }: { readonly even: boolean }): CausalDimensions {
  const { vocabSize, contextLength, dModel, nLayers, nHeads, nKvHeads, dFf } = settings
  const { dHead: given, slidingWindow = 1 } = settings
  const sizes = { vocabSize, contextLength, dModel, nLayers, nHeads, nKvHeads, dFf, dHead: given ?? 1, slidingWindow }
  for (const [name, value] of Object.entries(sizes))
    if (!Number.isInteger(value) || value < 1)
      throw new ConfigError(`model: ${name} is ${value}, wanted a whole number from 1`, { [name]: value })
  if (given === undefined && dModel % nHeads !== 0)
    throw new ConfigError(`model: dModel ${dModel} is not a multiple of nHeads ${nHeads}; change one`, {
      dModel,
      nHeads,
    })
  if (nHeads % nKvHeads !== 0)
    throw new ConfigError(`model: nHeads ${nHeads} is not a multiple of nKvHeads ${nKvHeads}; change one`, {
      nHeads,
      nKvHeads,
    })
  const dHead = given ?? dModel / nHeads
  if (even && dHead % 2 !== 0)
    throw new ConfigError(
      given === undefined
        ? `model: rotary positions need an even head, got dModel/nHeads = ${dHead}; change nHeads`
        : `model: rotary positions need an even head, got dHead ${dHead}; change it`,
      { dHead },
    )
  return { vocabSize, contextLength, dModel, nLayers, nHeads, nKvHeads, dHead }
}
