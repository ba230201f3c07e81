import type { DType, HostTensor, TypedArray } from '../graph/dtype.ts'

/** Names that {@link Engine}s are chosen by; `wasm` is the page's processor, `cpu` is Node's. */
export type EngineName = 'cpu' | 'cuda' | 'wasm' | 'webgpu'

/** What an engine is, exactly: goes into the record of whatever it computes. */
export interface EngineDescription {
  readonly name: EngineName
  /** The library and its version, such as `onnxruntime-node 1.30.0`. */
  readonly library: string
  /** Operating system, architecture and vector instructions, such as `linux-x64 avx512`. */
  readonly platform: string
  readonly threads: number
}

/** How a session is made. */
export interface SessionOptions {
  /**
   * Weights by the model's initializer name; handed over beside the bytes, never inside them, and free to change or go
   * once the session exists. The model declares each as a `TensorProto` with its name, dtype and dims, `data_location`
   * EXTERNAL and one entry of `external_data`: `location`, the same name.
   */
  readonly initializers?: Readonly<Record<string, HostTensor>>
  /**
   * The folder of the files that the model names for other initializers, where {@link Engine.mapsFiles} holds. What of
   * them is not packed stays mapped: while the session lives they may be replaced or removed, but not written into.
   */
  readonly dataFolder?: string
  /** ONNX Runtime's own graph optimizations, `all` by default. */
  readonly optimization?: 'none' | 'basic' | 'extended' | 'all'
  /** Optimizers to switch off by name, such as `CommonSubexpressionElimination`. */
  readonly disabledOptimizers?: readonly string[]
  /**
   * Takes memory for what lies between inputs and outputs from one arena with all sessions that do: for sessions that
   * run in turn. The last engine's end frees it (`cpu`; elsewhere each session has its own).
   */
  readonly sharedArena?: boolean
  /** Write a Chrome trace with the time of every node to files that begin with this path (`cpu` only). */
  readonly profilePrefix?: string
}

/**
 * A tensor in an engine's memory. Its owner releases it; releasing while a run that uses it is in
 * flight waits for that run.
 */
export interface DeviceBuffer {
  readonly dtype: DType
  readonly shape: readonly number[]
  /**
   * The memory itself where JavaScript can see it (`cpu`, `cuda`, `wasm`); after `release`, arrays taken from Node's engines are empty.
   * Never transfer its `ArrayBuffer` to another thread: the engine computes on it.
   */
  readonly host: TypedArray | undefined
  /** Copies the elements out. */
  read(): Promise<TypedArray>
  /** Copies elements in; the length must fit exactly. Throws {@link EngineError} otherwise. */
  write(data: TypedArray): Promise<void>
  /**
   * The same memory seen as another shape, beginning `elementOffset` elements in; it must lie
   * inside. Keeps the memory alive. Throws {@link EngineError} where the engine cannot (WebGPU).
   */
  view(shape: readonly number[], elementOffset?: number): DeviceBuffer
  release(): void
}

/** A model with its inputs and outputs tied to buffers, ready to run again and again. */
export interface Binding {
  /** Runs once, off the event loop where the engine can. */
  run(): Promise<void>
  /** Runs on the calling thread: for graphs whose run is shorter than a thread's wake-up (in Node; a page's engines throw). */
  runSync(): void
  release(): void
}

/** A compiled model. */
export interface Session {
  readonly inputNames: readonly string[]
  readonly outputNames: readonly string[]
  /**
   * Ties every input and output to a buffer. An output buffer may also be an input's where
   * {@link Engine.inPlace} holds and the graph orders the write after the last read.
   * Throws {@link EngineError} that names a missing or unknown tensor or a wrong shape or dtype.
   */
  bind(inputs: Readonly<Record<string, DeviceBuffer>>, outputs: Readonly<Record<string, DeviceBuffer>>): Binding
  release(): Promise<void>
}

/** Runs ONNX models; all that Atelier computes goes through one. */
export interface Engine {
  readonly name: EngineName
  /** Which lowering it rewards: the execution provider's name. */
  readonly provider: 'cpu' | 'cuda' | 'webgpu'
  /** Whether a run may write an output into the buffer that it reads an input from. */
  readonly inPlace: boolean
  /** Whether sessions take weights from files, see {@link SessionOptions.dataFolder}. */
  readonly mapsFiles: boolean
  describe(): EngineDescription
  /** A buffer with the given contents; zeros when only a dtype and shape are given. */
  createBuffer(tensor: HostTensor | { readonly dtype: DType; readonly shape: readonly number[] }): DeviceBuffer
  /** Compiles ONNX bytes. Throws {@link EngineError} with ONNX Runtime's reason. */
  createSession(model: Uint8Array, options?: SessionOptions): Promise<Session>
  /** Waits for runs in flight, then frees everything that the engine still owns. */
  close(): Promise<void>
}
