import { ConfigError } from '../../errors.ts'
import type { Family } from '../../models/registry.ts'
import { denoiseMeasure } from './denoise.ts'
import { fillMeasure } from './fill.ts'
import type { TextMeasure } from './measure.ts'
import { nextMeasure } from './next.ts'
import { pairsMeasure } from './pairs.ts'

/** How text models are measured; the first of a family is its usual one. */
export const textMeasures: readonly TextMeasure[] = [nextMeasure, fillMeasure, denoiseMeasure, pairsMeasure]

/**
 * The measure of a name for models of a family; without a name that of what the model learned, or the usual one. Throws
 * {@link ConfigError} for a name that there is none of, or that is not for them.
 */
export function measureFor(family: Family, name: string | undefined, learned: string | undefined): TextMeasure {
  const own = textMeasures.filter(({ families }) => families.includes(family))
  const found = own.find((measure) => measure.name === (name ?? learned))
  if (found) return found
  if (name === undefined) return own[0]!
  const names = own.map((measure) => `${measure.name} (${measure.does})`).join(', ')
  throw new ConfigError(`evaluate: this model cannot be measured by the task ${name}, wanted ${names}`, { name })
}
