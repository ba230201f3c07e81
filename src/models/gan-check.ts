import { ConfigError } from '../errors.ts'
import type { GanConfig } from './gan.ts'

/**
 * Throws {@link ConfigError} unless grids halve from imageSize / patch down to `smallestGrid` and all widths are
 * multiples of `widthMultiple`.
 */
export function checkGanConfig(config: GanConfig, smallestGrid: number, widthMultiple: number): void {
  const { imageSize, patch } = config
  const halvings = Math.log2(imageSize / patch / smallestGrid)
  if (!Number.isInteger(halvings) || halvings < 1)
    throw new ConfigError(
      `gan: imageSize ${imageSize} / patch ${patch} is ${imageSize / patch}, wanted ${smallestGrid} times a power of two from 2`,
      { imageSize, patch },
    )
  for (const name of ['generatorWidth', 'discriminatorWidth', 'maxWidth'] as const)
    if (config[name] % widthMultiple !== 0 || config[name] < 1)
      throw new ConfigError(`gan: ${name} is ${config[name]}, wanted a multiple of ${widthMultiple}`, { name })
  const { conditioning, conditionWidth } = config
  if (conditioning.kind === 'text' && conditionWidth % 4 !== 0)
    throw new ConfigError(`gan: conditionWidth is ${conditionWidth}, wanted a multiple of 4, one for each head`)
}
