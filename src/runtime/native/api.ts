import koffi from 'koffi'
import { EngineError } from '../../errors.ts'
import { explainReason } from '../reason.ts'
import { findLibrary } from './library.ts'

/** An address in this process; ONNX Runtime's objects are known by theirs. */
export type Pointer = bigint

/** The API version asked for; the functions below exist since 11 and keep their place in the table for ever. */
const apiVersion = 13

const pointer = 'void *'
const out: unknown = koffi.out(koffi.pointer('void *'))
const outInt: unknown = koffi.out(koffi.pointer('int'))
const outSize: unknown = koffi.out(koffi.pointer('size_t'))
const path = process.platform === 'win32' ? 'str16' : 'str'

/** ONNX Runtime's functions that return a status: their index in `OrtApi` (onnxruntime_c_api.h) and their arguments. */
const statusFunctions = {
  CreateSessionFromArray: [8, [pointer, pointer, 'size_t', pointer, out]],
  CreateSessionOptions: [10, [out]],
  EnableProfiling: [14, [pointer, path]],
  DisableMemPattern: [17, [pointer]],
  SetSessionGraphOptimizationLevel: [23, [pointer, 'int']],
  SessionGetInputCount: [30, [pointer, outSize]],
  SessionGetOutputCount: [31, [pointer, outSize]],
  SessionGetInputTypeInfo: [33, [pointer, 'size_t', out]],
  SessionGetOutputTypeInfo: [34, [pointer, 'size_t', out]],
  SessionGetInputName: [36, [pointer, 'size_t', pointer, out]],
  SessionGetOutputName: [37, [pointer, 'size_t', pointer, out]],
  CreateTensorWithDataAsOrtValue: [49, [pointer, pointer, 'size_t', pointer, 'size_t', 'int', out]],
  CastTypeInfoToTensorInfo: [55, [pointer, out]],
  GetTensorElementType: [60, [pointer, outInt]],
  GetDimensionsCount: [61, [pointer, outSize]],
  GetDimensions: [62, [pointer, pointer, 'size_t']],
  CreateCpuMemoryInfo: [69, ['int', 'int', out]],
  AllocatorFree: [76, [pointer, pointer]],
  GetAllocatorWithDefaultOptions: [78, [out]],
  CreateEnvWithGlobalThreadPools: [119, ['int', 'str', pointer, out]],
  DisablePerSessionThreads: [120, [pointer]],
  CreateThreadingOptions: [121, [out]],
  AddSessionConfigEntry: [130, [pointer, 'str', 'str']],
  RunWithBinding: [133, [pointer, pointer, pointer]],
  CreateIoBinding: [134, [pointer, out]],
  BindInput: [136, [pointer, 'str', pointer]],
  BindOutput: [137, [pointer, 'str', pointer]],
  CreateAndRegisterAllocator: [144, [pointer, pointer, pointer]],
  SetGlobalIntraOpNumThreads: [147, [pointer, 'int']],
  SetGlobalInterOpNumThreads: [148, [pointer, 'int']],
  SetGlobalSpinControl: [149, [pointer, 'int']],
  AppendExecutionProviderCuda: [204, [pointer, pointer]],
  CreateCudaProviderOptions: [205, [out]],
  AddExternalInitializers: [210, [pointer, 'const char **', pointer, 'size_t']],
} as const

/** ONNX Runtime's functions that release an object, and their index. */
const releaseFunctions = {
  ReleaseEnv: 92,
  ReleaseStatus: 93,
  ReleaseMemoryInfo: 94,
  ReleaseSession: 95,
  ReleaseValue: 96,
  ReleaseTypeInfo: 98,
  ReleaseSessionOptions: 100,
  ReleaseThreadingOptions: 122,
  ReleaseIoBinding: 135,
  ReleaseCudaProviderOptions: 208,
} as const

const getErrorMessageIndex = 2

/** Names of the functions that return a status. */
export type StatusFunction = keyof typeof statusFunctions
/** Names of the functions that release an object. */
export type ReleaseFunction = keyof typeof releaseFunctions

interface NativeFunction {
  (...args: readonly unknown[]): Pointer | null
  async(...args: readonly unknown[]): void
}

/** ONNX Runtime's C API: calls that check every status, so that a failure is an {@link EngineError} with its reason. */
export class OrtApi {
  /** The library's version, such as `1.30.0`. */
  readonly version: string
  private readonly functions: Readonly<Record<StatusFunction, NativeFunction>>
  private readonly releases: Readonly<Record<ReleaseFunction, (object: Pointer) => void>>
  private readonly message: (status: Pointer) => string

  constructor(libraryPath: string, version: string) {
    const table = loadTable(libraryPath)
    const bind = (index: number, result: string, args: readonly unknown[]) =>
      koffi.decode(koffi.decode(table, index * 8, pointer), koffi.proto(result, args as string[]))
    this.version = version
    this.functions = mapValues(statusFunctions, ([index, args]) => bind(index, pointer, args))
    this.releases = mapValues(releaseFunctions, (index) => bind(index, 'void', [pointer]))
    this.message = bind(getErrorMessageIndex, 'str', [pointer])
  }

  /** Calls a function; throws {@link EngineError} with `operation` and ONNX Runtime's reason when it fails. */
  call(operation: string, name: StatusFunction, ...args: readonly unknown[]): void {
    this.check(operation, this.functions[name](...args))
  }

  /** Calls a function whose last argument receives a pointer, and returns that pointer. */
  create(operation: string, name: StatusFunction, ...args: readonly unknown[]): Pointer {
    const slot: [Pointer | null] = [null]
    this.call(operation, name, ...args, slot)
    return slot[0] ?? 0n
  }

  /** Like {@link create} for functions that return a number. */
  number(operation: string, name: StatusFunction, ...args: readonly unknown[]): number {
    const slot: [number] = [0]
    this.call(operation, name, ...args, slot)
    return slot[0]
  }

  /** Like {@link call} on a thread of libuv's pool; whatever the arguments point at must stay alive until it ends. */
  callAsync(operation: string, name: StatusFunction, ...args: readonly unknown[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.functions[name].async(...args, (error: Error | null, status: Pointer | null) => {
        try {
          if (error)
            throw new EngineError(`${operation}: the native call failed: ${error.message}`, {}, { cause: error })
          resolve(this.check(operation, status))
        } catch (reason) {
          reject(reason)
        }
      })
    })
  }

  /** Like {@link create} on a thread of libuv's pool. */
  async createAsync(operation: string, name: StatusFunction, ...args: readonly unknown[]): Promise<Pointer> {
    const slot: [Pointer | null] = [null]
    await this.callAsync(operation, name, ...args, slot)
    return slot[0] ?? 0n
  }

  release(name: ReleaseFunction, object: Pointer): void {
    this.releases[name](object)
  }

  private check(operation: string, status: Pointer | null): void {
    if (status === null) return
    const reason = this.message(status)
    this.release('ReleaseStatus', status)
    throw explainReason(operation, reason)
  }
}

let loaded: OrtApi | undefined

/** Held for good: a library that is collected is unloaded, and the functions of the table with it. */
let library: ReturnType<typeof koffi.load> | undefined

/** ONNX Runtime's C API, loaded once a process. Throws {@link EngineError} when it cannot be. */
export function loadApi(): OrtApi {
  if (!loaded) {
    const { path: libraryPath, version } = findLibrary()
    loaded = new OrtApi(libraryPath, version)
  }
  return loaded
}

/** `OrtGetApiBase()->GetApi(version)`: the address of the table of functions. */
function loadTable(libraryPath: string): Pointer {
  try {
    reserveStacks()
    library = koffi.load(libraryPath)
    const base: Pointer = library.func('OrtGetApiBase', pointer, [])()
    const getApi = koffi.decode(koffi.decode(base, pointer), koffi.proto(pointer, ['uint32_t']))
    const table: Pointer | null = getApi(apiVersion)
    if (table === null) throw new Error(`it does not offer version ${apiVersion} of its C API`)
    return table
  } catch (cause) {
    const reason = (cause as Error).message
    throw new EngineError(
      `createEngine: cannot load ${libraryPath}: ${reason}; reinstall onnxruntime-node`,
      {},
      { cause },
    )
  }
}

/** Kernels run on koffi's stacks: room for them, before its first call fixes the size for this thread. */
function reserveStacks(): void {
  try {
    koffi.config({ async_stack_size: 2 ** 20, resident_async_pools: 4 })
  } catch {
    // Someone in this process has called koffi before; its own stacks must do.
  }
}

function mapValues<K extends string, V, R>(record: Readonly<Record<K, V>>, change: (value: V) => R): Record<K, R> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value as V)])) as Record<K, R>
}
