import { ConfigError } from '../../errors.ts'
import { familyNamed } from '../../models/registry.ts'
import { denoiseTask } from './denoise.ts'
import { fillTask } from './fill.ts'
import { instructTask } from './instruct.ts'
import { nextTask } from './next.ts'
import { pairsTask } from './pairs.ts'
import type { TextTask } from './task.ts'

/** What text models can learn; the first of a family is its usual one. */
export const textTasks: readonly TextTask[] = [nextTask, fillTask, denoiseTask, pairsTask, instructTask]

/**
 * The task of a name for an architecture; without a name, its usual one. Throws {@link ConfigError} for an architecture
 * that does not exist and a task that does not exist or is not its own, with those that are.
 */
export function taskFor(architecture: string, name?: string): TextTask {
  const family = familyNamed(architecture)
  const own = textTasks.filter((task) => task.family === family)
  const task = name === undefined ? own[0] : own.find((one) => one.name === name)
  if (task) return task
  const names = own.map((one) => one.name).join(', ')
  throw new ConfigError(`task: ${architecture} does not learn ${name}, wanted ${names}`, { architecture, name })
}
