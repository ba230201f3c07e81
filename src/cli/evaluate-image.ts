import { ConfigError } from '../errors.ts'
import type { Evaluation } from './craft.ts'

/** What `atelier evaluate` does for pictures. */
export const imageEvaluation: Evaluation = {
  options: [],
  examples: [],
  run: async () => {
    throw new ConfigError('evaluate: image models cannot be measured yet')
  },
}
