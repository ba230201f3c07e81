import { ConfigError } from '../errors.ts'
import type { GanConfig } from './gan.ts'

/**
 * Throws {@link ConfigError} unless grids halve from imageSize / patch down to `smallestGrid`, and heads divide the width
 * of words.
 */
export function checkGanConfig(config: GanConfig, smallestGrid: number): void {
  const { imageSize, patch } = config
  const halvings = Math.log2(imageSize / patch / smallestGrid)
  if (!Number.isInteger(halvings) || halvings < 1)
    throw new ConfigError(
      `gan: imageSize ${imageSize} / patch ${patch} is ${imageSize / patch}, wanted ${smallestGrid} times a power of two from 2`,
      { imageSize, patch },
    )
  const { conditioning, conditionWidth } = config
  if (conditioning.kind === 'text' && conditionWidth % 4 !== 0)
    throw new ConfigError(`gan: conditionWidth is ${conditionWidth}, wanted a multiple of 4, one for each head`)
}
