import type { DType, HostTensor, TypedArray } from '../../src/graph/dtype.ts'
import { allocate, viewOf } from '../../src/graph/dtype.ts'
import type { DeviceBuffer, Engine, EngineDescription } from '../../src/runtime/engine.ts'

/** A tensor as JSON: its bytes in base64; zeros when they are left out. */
export interface PackedTensor {
  readonly dtype: DType
  readonly shape: readonly number[]
  readonly bytes?: string
}

/** Work for any engine, as JSON: a model, its buffers by name, and steps that run it and swap state between buffers. */
export interface Job {
  /** ONNX bytes in base64. */
  readonly model: string
  readonly initializers?: Readonly<Record<string, PackedTensor>>
  readonly disabledOptimizers?: readonly string[]
  /** Buffers by a name that bindings use. */
  readonly buffers: Readonly<Record<string, PackedTensor>>
  /** Buffer names by tensor name; step `i` runs `bindings[i % bindings.length]`. */
  readonly bindings: readonly {
    readonly inputs: Readonly<Record<string, string>>
    readonly outputs: Readonly<Record<string, string>>
  }[]
  readonly steps: number
  /** Written before step `i`: `feeds[i % feeds.length]`, by buffer name. */
  readonly feeds?: readonly Readonly<Record<string, PackedTensor>>[]
  /** Buffers that are read after every step, such as the loss. */
  readonly watch: readonly string[]
  /** Buffers that are read at the end. */
  readonly read: readonly string[]
}

/** What a job has computed. */
export interface JobResult {
  readonly description: EngineDescription
  /** For each watched buffer, its elements after each step. */
  readonly watched: Readonly<Record<string, readonly (readonly number[])[]>>
  readonly read: Readonly<Record<string, readonly number[]>>
}

/** Runs a job; the same code in Node and in a page. */
export async function runJob(engine: Engine, job: Job): Promise<JobResult> {
  const { disabledOptimizers = [] } = job
  const initializers = mapValues(job.initializers ?? {}, unpack)
  const session = await engine.createSession(decode(job.model), { initializers, disabledOptimizers })
  const buffers = mapValues(job.buffers, (tensor) => engine.createBuffer(unpack(tensor)))
  const pick = (names: Readonly<Record<string, string>>) => mapValues(names, (name) => find(buffers, name))
  const bindings = job.bindings.map(({ inputs, outputs }) => session.bind(pick(inputs), pick(outputs)))
  const watched: Record<string, number[][]> = Object.fromEntries(job.watch.map((name) => [name, []]))
  for (let step = 0; step < job.steps; step++) {
    for (const [name, tensor] of Object.entries(job.feeds?.[step % job.feeds.length] ?? {})) {
      await find(buffers, name).write(unpack(tensor).data)
    }
    await bindings[step % bindings.length]?.run()
    for (const name of job.watch) watched[name]?.push(await numbers(find(buffers, name)))
  }
  const read: Record<string, number[]> = {}
  for (const name of job.read) read[name] = await numbers(find(buffers, name))
  for (const binding of bindings) binding.release()
  for (const buffer of Object.values(buffers)) buffer.release()
  await session.release()
  return { description: engine.describe(), watched, read }
}

/** A tensor as JSON. */
export function pack({ dtype, shape, data }: HostTensor): PackedTensor {
  return { dtype, shape, bytes: encode(new Uint8Array(data.buffer, data.byteOffset, data.byteLength)) }
}

/** Bytes in base64. */
export function encode(bytes: Uint8Array): string {
  let text = ''
  for (let start = 0; start < bytes.length; start += 8192) {
    text += String.fromCharCode(...bytes.subarray(start, start + 8192))
  }
  return btoa(text)
}

/** The bytes of {@link encode}. */
export function decode(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
}

function unpack({ dtype, shape, bytes }: PackedTensor): HostTensor {
  const length = shape.reduce((product, size) => product * size, 1)
  const data: TypedArray =
    bytes === undefined ? allocate(dtype, length) : viewOf(dtype, decode(bytes).buffer, 0, length)
  return { dtype, shape, data }
}

async function numbers(buffer: DeviceBuffer): Promise<number[]> {
  return Array.from(await buffer.read(), Number)
}

function find<T>(record: Readonly<Record<string, T>>, name: string): T {
  const value = record[name]
  if (value === undefined) throw new Error(`job: there is no buffer ${name}`)
  return value
}

function mapValues<V, R>(record: Readonly<Record<string, V>>, change: (value: V) => R): Record<string, R> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, change(value)]))
}
