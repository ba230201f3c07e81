import type { Lanes } from '../lanes.ts'
import type { OrtApi, Pointer } from './api.ts'

/** What an engine's sessions and bindings share. */
export interface NativeContext {
  readonly api: OrtApi
  /** `OrtEnv`. */
  readonly environment: Pointer
  /** `OrtMemoryInfo` of this process's memory. */
  readonly memoryInfo: Pointer
  /** Asynchronous calls pass through here. */
  readonly lanes: Lanes
}
