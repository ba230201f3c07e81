import { matmul } from '../../graph/operations/matmul.ts'
import { input } from '../../graph/tensor.ts'
import { lower } from '../../onnx/lower.ts'
import type { DeviceBuffer, Engine, Session } from '../../runtime/engine.ts'
import { addProduct } from './matrix-product.ts'

/** How all pairs of two sets of vectors are multiplied: what the measures spend their time on. */
export interface DotProducts {
  /** The unit roundoff of its arithmetic, such as 2^−53. */
  readonly roundoff: number
  /** A [m, width] and B [n, width] → A · Bᵀ [m, n]. */
  multiply(a: Float32Array, b: Float32Array, width: number): Promise<Float32Array | Float64Array>
  release(): Promise<void>
}

/** In JavaScript, in float64: slow for many wide vectors. */
export const doubleDots: DotProducts = {
  roundoff: 2 ** -53,
  async multiply(a, b, width) {
    const product = new Float64Array((a.length / width) * (b.length / width))
    await addProduct(Float64Array.from(a), Float64Array.from(b), width, product)
    return product
  },
  release: async () => undefined,
}

/** On an engine, in float32. Release it before the engine is closed. */
export function engineDots(engine: Engine): DotProducts {
  let session: Promise<Session> | undefined
  return {
    // Graphics processors may keep no more than 10 bits of each factor (TF32).
    roundoff: engine.provider === 'cpu' ? 2 ** -24 : 2 ** -11,
    async multiply(a, b, width) {
      session ??= compile(engine)
      return multiply(engine, await session, a, b, width)
    },
    async release() {
      await (await session)?.release()
      session = undefined
    },
  }
}

function compile(engine: Engine): Promise<Session> {
  const a = input('a', 'float32', ['m', 'width'])
  const b = input('b', 'float32', ['n', 'width'])
  const program = lower({ product: matmul(a, b, { transposeB: true }) }, { provider: engine.provider })
  return engine.createSession(program.bytes)
}

async function multiply(engine: Engine, session: Session, a: Float32Array, b: Float32Array, width: number) {
  const [m, n] = [a.length / width, b.length / width]
  const buffers: DeviceBuffer[] = []
  const keep = (buffer: DeviceBuffer) => {
    buffers.push(buffer)
    return buffer
  }
  try {
    const product = keep(engine.createBuffer({ dtype: 'float32', shape: [m, n] }))
    const left = keep(engine.createBuffer({ dtype: 'float32', shape: [m, width], data: a }))
    const right = keep(engine.createBuffer({ dtype: 'float32', shape: [n, width], data: b }))
    const binding = session.bind({ a: left, b: right }, { product })
    await binding.run()
    binding.release()
    return (await product.read()) as Float32Array
  } finally {
    for (const buffer of buffers) buffer.release()
  }
}
