import { EngineError } from '../errors.ts'
import type { DType } from '../graph/dtype.ts'
import type { DeviceBuffer } from './engine.ts'

/** What a model declares of an input or output. */
export interface TensorSignature {
  readonly name: string
  readonly dtype: DType
  /** Sizes; -1 where any size goes. Empty for a scalar and for a tensor whose rank the model leaves open. */
  readonly shape: readonly number[]
}

/** A buffer that knows whether it has been released. */
export interface OwnBuffer extends DeviceBuffer {
  readonly released: boolean
}

/**
 * Each declared tensor with its buffer, in the model's order; `isOwn` knows the engine's buffers.
 * Throws {@link EngineError} that names a missing or unknown tensor or a wrong dtype or shape.
 */
export function matchBuffers<B extends OwnBuffer>(
  side: 'input' | 'output',
  signatures: readonly TensorSignature[],
  given: Readonly<Record<string, DeviceBuffer>>,
  isOwn: (buffer: DeviceBuffer) => buffer is B,
): ReadonlyMap<string, B> {
  const declared = signatures.map(({ name }) => name)
  const unknown = Object.keys(given).find((name) => !declared.includes(name))
  if (unknown !== undefined) {
    throw new EngineError(`bind: the model has no ${side} ${unknown}, it has ${declared.join(', ')}; leave it out`, {
      name: unknown,
      declared,
    })
  }
  return new Map(
    signatures.map((signature) => [signature.name, checkFit(side, signature, given[signature.name], isOwn)]),
  )
}

function checkFit<B extends OwnBuffer>(
  side: 'input' | 'output',
  signature: TensorSignature,
  buffer: DeviceBuffer | undefined,
  isOwn: (buffer: DeviceBuffer) => buffer is B,
): B {
  const { name, dtype, shape } = signature
  const wanted = `${dtype} [${shape.map((size) => (size < 0 ? '?' : size))}]`
  if (buffer === undefined) {
    throw new EngineError(`bind: ${side} ${name} is missing, wanted a buffer of ${wanted}`, { name })
  }
  if (!isOwn(buffer)) {
    throw new EngineError(`bind: ${side} ${name} is a buffer of another engine; create it with this engine`, { name })
  }
  if (buffer.dtype !== dtype || !fits(shape, buffer.shape)) {
    throw new EngineError(
      `bind: ${side} ${name} got ${buffer.dtype} [${buffer.shape}], wanted ${wanted}; bind a buffer of that dtype and shape`,
      { name, got: buffer.shape, wanted: shape },
    )
  }
  if (buffer.released) throw new EngineError(`bind: ${side} ${name} is a released buffer; create another`, { name })
  return buffer
}

/** A declaration without sizes may be of any rank: ONNX Runtime checks those when it runs. */
function fits(declared: readonly number[], actual: readonly number[]): boolean {
  if (declared.length === 0) return true
  return declared.length === actual.length && declared.every((size, axis) => size < 0 || size === actual[axis])
}
