import koffi from 'koffi'
import { EngineError } from '../../errors.ts'
import type { HostTensor } from '../../graph/dtype.ts'
import { bytesPerElement, sizeOf } from '../../graph/dtype.ts'
import type { SessionOptions } from '../engine.ts'
import type { Pointer } from './api.ts'
import type { NativeContext } from './context.ts'
import { appendCuda } from './cuda.ts'
import { NativeSession } from './session.ts'
import { createValue } from './value.ts'

const operation = 'createSession'
const optimizationLevels = { none: 0, basic: 1, extended: 2, all: 99 } as const

const dataFolderEntry = 'session.model_external_initializers_file_folder_path'

/** Whatever a native call reads: kept from the garbage collector until the call has ended. */
const pinned = new Set<unknown>()

/** Compiles ONNX bytes; the session is a member of `owned` until it is released. */
export async function compile(
  context: NativeContext,
  engine: 'cpu' | 'cuda',
  model: Uint8Array,
  options: SessionOptions,
  owned: Set<NativeSession>,
): Promise<NativeSession> {
  const pins = [model, ...Object.values(options.initializers ?? {}).map(({ data }) => data)]
  for (const pin of pins) pinned.add(pin)
  try {
    const pointer = await parse(context, engine, model, options)
    return NativeSession.open(context, pointer, owned)
  } finally {
    for (const pin of pins) pinned.delete(pin)
  }
}

async function parse(
  context: NativeContext,
  engine: 'cpu' | 'cuda',
  model: Uint8Array,
  options: SessionOptions,
): Promise<Pointer> {
  const { api, environment } = context
  const configured = configure(context, engine, options)
  try {
    const bytes = addressOf(model)
    const length = model.byteLength
    return await api.createAsync(operation, 'CreateSessionFromArray', environment, bytes, length, configured)
  } finally {
    api.release('ReleaseSessionOptions', configured)
  }
}

function configure(context: NativeContext, engine: 'cpu' | 'cuda', options: SessionOptions): Pointer {
  const { api } = context
  const pointer = api.create(operation, 'CreateSessionOptions')
  try {
    api.call(operation, 'DisablePerSessionThreads', pointer)
    api.call(operation, 'DisableMemPattern', pointer)
    if (options.sharedArena) api.call(operation, 'AddSessionConfigEntry', pointer, 'session.use_env_allocators', '1')
    const level = optimizationLevels[options.optimization ?? 'all']
    api.call(operation, 'SetSessionGraphOptimizationLevel', pointer, level)
    const disabled = options.disabledOptimizers?.join(';')
    if (disabled) {
      api.call(operation, 'AddSessionConfigEntry', pointer, 'optimization.disable_specified_optimizers', disabled)
    }
    const folder = options.dataFolder
    if (folder !== undefined) api.call(operation, 'AddSessionConfigEntry', pointer, dataFolderEntry, folder)
    if (options.profilePrefix) api.call(operation, 'EnableProfiling', pointer, options.profilePrefix)
    if (engine === 'cuda') appendCuda(api, pointer)
    addInitializers(context, pointer, options.initializers ?? {})
    return pointer
  } catch (error) {
    api.release('ReleaseSessionOptions', pointer)
    throw error
  }
}

/** Hands the weights over; ONNX Runtime copies or packs them while it compiles and needs ours no longer afterwards. */
function addInitializers(
  context: NativeContext,
  sessionOptions: Pointer,
  tensors: Readonly<Record<string, HostTensor>>,
) {
  const { api } = context
  const names = Object.keys(tensors)
  if (names.length === 0) return
  const values = new BigUint64Array(names.length)
  try {
    for (const [index, name] of names.entries())
      values[index] = createWeight(context, name, tensors[name] as HostTensor)
    api.call(operation, 'AddExternalInitializers', sessionOptions, names, values, names.length)
  } finally {
    for (const value of values) if (value) api.release('ReleaseValue', value)
  }
}

function createWeight(context: NativeContext, name: string, tensor: HostTensor): Pointer {
  const { dtype, shape, data } = tensor
  const byteLength = sizeOf(shape) * bytesPerElement[dtype]
  if (data.byteLength !== byteLength) {
    throw new EngineError(
      `createSession: initializer ${name} has ${data.byteLength} bytes, wanted ${byteLength} for ${dtype} [${shape}]`,
      { name, got: data.byteLength, wanted: byteLength },
    )
  }
  return createValue(context, `createSession: initializer ${name}`, {
    dtype,
    shape,
    address: addressOf(data),
    byteLength,
  })
}

/** Where an array's elements lie: touching `buffer` moves a small array out of V8's heap, to where it stays. */
function addressOf(array: ArrayBufferView): Pointer {
  const start: Pointer = koffi.address(new Uint8Array(array.buffer))
  return start + BigInt(array.byteOffset)
}
