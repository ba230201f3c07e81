import { EngineError } from '../../errors.ts'
import type { DeviceBuffer, Engine } from '../engine.ts'

/** How a test's engine differs from the one it wraps. */
export interface Faults {
  readonly inPlace?: boolean
  /** The call of this number, counted from 1, throws. */
  readonly createBuffer?: number
  readonly createSession?: number
  readonly bind?: number
}

/** An engine that fails where it is told to, and the buffers and sessions of it that nobody has released. */
export function faulty(engine: Engine, faults: Faults): { engine: Engine; held: Set<unknown> } {
  const held = new Set<unknown>()
  const calls = { createBuffer: 0, createSession: 0, bind: 0 }
  const count = (name: keyof typeof calls) => {
    if (++calls[name] === faults[name]) throw new EngineError(`${name}: told to fail`)
  }
  const track = <T extends DeviceBuffer | Awaited<ReturnType<Engine['createSession']>>>(one: T): T => {
    held.add(one)
    const release = one.release.bind(one) as () => never
    one.release = () => {
      held.delete(one)
      return release()
    }
    return one
  }
  const wrapped: Engine = {
    name: engine.name,
    provider: engine.provider,
    inPlace: faults.inPlace ?? engine.inPlace,
    mapsFiles: engine.mapsFiles,
    describe: () => engine.describe(),
    createBuffer: (tensor) => {
      count('createBuffer')
      return track(engine.createBuffer(tensor))
    },
    createSession: async (...args) => {
      count('createSession')
      const session = track(await engine.createSession(...args))
      const bind = session.bind.bind(session)
      session.bind = (...buffers) => {
        count('bind')
        return bind(...buffers)
      }
      return session
    },
    close: () => engine.close(),
  }
  return { engine: wrapped, held }
}
