import { ConfigError } from '../errors.ts'
import type { CausalConfig, CausalDimensions } from './architecture.ts'

/** Derived sizes of a model. Throws {@link ConfigError} where heads do not divide what they must. */
export function checkHeads(settings: CausalConfig, { even }: { readonly even: boolean }): CausalDimensions {
  const { vocabSize, contextLength, dModel, nLayers, nHeads, nKvHeads, dFf } = settings
  for (const [name, value] of Object.entries({ vocabSize, contextLength, dModel, nLayers, nHeads, nKvHeads, dFf }))
    if (!Number.isInteger(value) || value < 1)
      throw new ConfigError(`model: ${name} is ${value}, wanted a whole number from 1`, { [name]: value })
  if (dModel % nHeads !== 0)
    throw new ConfigError(`model: dModel ${dModel} is not a multiple of nHeads ${nHeads}; change one`, {
      dModel,
      nHeads,
    })
  if (nHeads % nKvHeads !== 0)
    throw new ConfigError(`model: nHeads ${nHeads} is not a multiple of nKvHeads ${nKvHeads}; change one`, {
      nHeads,
      nKvHeads,
    })
  const dHead = dModel / nHeads
  if (even && dHead % 2 !== 0)
    throw new ConfigError(`model: rotary positions need an even head, got dModel/nHeads = ${dHead}; change nHeads`, {
      dHead,
    })
  return { vocabSize, contextLength, dModel, nLayers, nHeads, nKvHeads, dHead }
}
