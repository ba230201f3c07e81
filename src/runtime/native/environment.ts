import { EngineError } from '../../errors.ts'
import type { OrtApi, Pointer } from './api.ts'

/** Only what ends the process: a failed call is an exception already, and stdout and stderr are not ours. */
const logFatalOnly = 4
const arenaAllocator = 1
const defaultMemory = 0

interface Environment {
  readonly pointer: Pointer
  readonly threads: number
  users: number
}

let shared: Environment | undefined

/**
 * The process's one ONNX Runtime environment, with one pool of `threads` threads for all sessions.
 *
 * The pool spins for a moment before it sleeps: a training step is a thousand short nodes, and waking threads for each costs more.
 * Where several processes share the cores, as test workers do, spinning slows all of them: `ATELIER_SPIN=0` switches it off.
 * Throws {@link EngineError} while another engine of this process holds a pool of another size.
 */
export function acquireEnvironment(api: OrtApi, threads: number): Pointer {
  shared ??= { pointer: createEnvironment(api, threads), threads, users: 0 }
  if (shared.threads !== threads) {
    throw new EngineError(
      `createEngine: an engine of this process runs on ${shared.threads} threads, got ${threads}; close it first, all share one pool`,
      { threads, current: shared.threads },
    )
  }
  shared.users++
  return shared.pointer
}

/** Gives the environment back; the last one out ends its threads. */
export function releaseEnvironment(api: OrtApi): void {
  if (!shared || --shared.users > 0) return
  api.release('ReleaseEnv', shared.pointer)
  shared = undefined
}

/** The arena of sessions that ask for a shared one: empty until one does, freed with the environment. */
function addSharedArena(api: OrtApi, environment: Pointer): void {
  const operation = 'createEngine'
  const memoryInfo = api.create(operation, 'CreateCpuMemoryInfo', arenaAllocator, defaultMemory)
  try {
    api.call(operation, 'CreateAndRegisterAllocator', environment, memoryInfo, null)
  } finally {
    api.release('ReleaseMemoryInfo', memoryInfo)
  }
}

function createEnvironment(api: OrtApi, threads: number): Pointer {
  const operation = 'createEngine'
  const options = api.create(operation, 'CreateThreadingOptions')
  try {
    api.call(operation, 'SetGlobalIntraOpNumThreads', options, threads)
    api.call(operation, 'SetGlobalInterOpNumThreads', options, 1)
    api.call(operation, 'SetGlobalSpinControl', options, process.env.ATELIER_SPIN === '0' ? 0 : 1)
    const environment = api.create(operation, 'CreateEnvWithGlobalThreadPools', logFatalOnly, 'atelier', options)
    try {
      addSharedArena(api, environment)
    } catch (error) {
      api.release('ReleaseEnv', environment)
      throw error
    }
    return environment
  } finally {
    api.release('ReleaseThreadingOptions', options)
  }
}
