import { ConfigError } from '../errors.ts'
import { nonSaturating, type Objective, relativistic, wasserstein } from '../losses/adversarial.ts'
import { Dcgan } from './dcgan.ts'
import type { Gan, GanConfig } from './gan.ts'
import { R3gan } from './r3gan.ts'
import { WganGp } from './wgan-gp.ts'

/** One pair of networks and the game that it plays. */
export interface GanRow {
  /** Its name here, as `--architecture` takes it and `config.json` holds it. */
  readonly name: string
  /** In one line, for people. */
  readonly title: string
  readonly objective: Objective
  /** Settings of images that have no part in it. */
  readonly without: readonly ('patch' | 'blocks' | 'penaltyShare' | 'matching')[]
  build(config: GanConfig): Gan
}

/** Every pair of networks that can be trained and loaded; the first is the default. */
export const ganArchitectures: readonly GanRow[] = [
  { name: 'r3gan', title: 'R3GAN', objective: relativistic, without: [], build: (config) => new R3gan(config) },
  {
    name: 'dcgan',
    title: 'DCGAN',
    objective: nonSaturating,
    without: ['patch', 'blocks', 'penaltyShare', 'matching'],
    build: (config) => new Dcgan(config),
  },
  {
    name: 'wgan-gp',
    title: 'WGAN-GP',
    objective: wasserstein,
    without: ['patch', 'penaltyShare', 'matching'],
    build: (config) => new WganGp(config),
  },
]

/** The pair of a name. Throws {@link ConfigError} that lists the names. */
export function ganNamed(name: string): GanRow {
  const row = ganArchitectures.find((candidate) => candidate.name === name)
  if (row) return row
  const names = ganArchitectures.map((candidate) => candidate.name).join(', ')
  throw new ConfigError(`architecture: there is no ${name}, wanted one of ${names}`, { name })
}
