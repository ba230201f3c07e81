import type { EngineDescription } from '../runtime/engine.ts'
import { version } from '../version.ts'

/** Something of the surroundings that is not as it was. */
export interface ChangedCircumstance {
  readonly what: 'engine' | 'library' | 'platform' | 'threads' | 'atelier'
  readonly recorded: string
  readonly here: string
}

/** What is not as an artifact's record says: why it may come out otherwise. */
export function changedSince(
  { engine, atelier }: { readonly engine: EngineDescription; readonly atelier: string },
  here: EngineDescription,
): ChangedCircumstance[] {
  const pairs = [
    ['engine', engine.name, here.name],
    ['library', engine.library, here.library],
    ['platform', engine.platform, here.platform],
    ['threads', engine.threads, here.threads],
    ['atelier', atelier, version],
  ] as const
  return pairs.flatMap(([what, before, now]) =>
    before === now ? [] : [{ what, recorded: String(before), here: String(now) }],
  )
}
