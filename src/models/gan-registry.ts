import { ConfigError } from '../errors.ts'
import { type Objective, relativistic } from '../losses/adversarial.ts'
import type { Gan, GanConfig } from './gan.ts'
import { R3gan } from './r3gan.ts'

/** One pair of networks and the game that it plays. */
export interface GanRow {
  /** Its name here, as `--architecture` takes it and `config.json` holds it. */
  readonly name: string
  /** In one line, for people. */
  readonly title: string
  readonly objective: Objective
  build(config: GanConfig): Gan
}

/** Every pair of networks that can be trained and loaded; the first is the default. */
export const ganArchitectures: readonly GanRow[] = [
  { name: 'r3gan', title: 'R3GAN', objective: relativistic, build: (config) => new R3gan(config) },
]

/** The pair of a name. Throws {@link ConfigError} that lists the names. */
export function ganNamed(name: string): GanRow {
  const row = ganArchitectures.find((candidate) => candidate.name === name)
  if (row) return row
  const names = ganArchitectures.map((candidate) => candidate.name).join(', ')
  throw new ConfigError(`architecture: there is no ${name}, wanted one of ${names}`, { name })
}
