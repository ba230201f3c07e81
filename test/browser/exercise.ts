import type { DType } from '../../src/graph/dtype.ts'
import { allocate, bytesPerElement, float32 } from '../../src/graph/dtype.ts'
import type { DeviceBuffer, Engine } from '../../src/runtime/engine.ts'

/** Models in base64 bytes are decoded by the caller; each takes x and gives y. */
export interface ExerciseModels {
  /** y [n, 2] = x [n, 3] · w + b, weights beside the bytes. */
  readonly affine: Uint8Array
  /** y [4] = x [4] of each dtype. */
  readonly identity: Readonly<Record<string, Uint8Array>>
}

/** What happened: numbers that went through each dtype, and the message of each misuse. */
export interface ExerciseReport {
  readonly carried: Readonly<Record<string, readonly number[]>>
  readonly messages: Readonly<Record<string, string>>
}

const weights = { w: float32([1, 2, 3, 4, 5, 6], [3, 2]), b: float32([10, 20], [2]) }

/** Uses an engine in every right and wrong way that all engines share. */
export async function exercise(engine: Engine, models: ExerciseModels): Promise<ExerciseReport> {
  const carried: Record<string, number[]> = {}
  for (const dtype of Object.keys(bytesPerElement) as DType[]) {
    carried[dtype] = await carry(engine, models.identity[dtype] ?? new Uint8Array(), dtype)
  }
  return { carried, messages: await misuse(engine, models.affine) }
}

async function carry(engine: Engine, model: Uint8Array, dtype: DType): Promise<number[]> {
  const data = allocate(dtype, 4)
  for (const [i, value] of [0, 1, 1, 0].entries()) data[i] = dtype === 'int64' ? (BigInt(value) as never) : value
  const x = engine.createBuffer({ dtype, shape: [4], data })
  const y = engine.createBuffer({ dtype, shape: [4] })
  const session = await engine.createSession(model)
  await session.bind({ x }, { y }).run()
  const result = Array.from(await y.read(), Number)
  await session.release()
  return result
}

async function misuse(engine: Engine, affine: Uint8Array): Promise<Record<string, string>> {
  const session = await engine.createSession(affine, { initializers: weights })
  const x = engine.createBuffer({ dtype: 'float32', shape: [2, 3] })
  const y = engine.createBuffer({ dtype: 'float32', shape: [2, 2] })
  const binding = session.bind({ x }, { y })
  const gone = released(engine)
  const messages = {
    'no model': await messageOf(() => engine.createSession(Uint8Array.of(1, 2, 3))),
    'no weights': await messageOf(() => engine.createSession(affine)),
    'missing input': await messageOf(() => session.bind({}, { y })),
    'unknown input': await messageOf(() => session.bind({ x, q: x }, { y })),
    'wrong shape': await messageOf(() => session.bind({ x: y }, { y })),
    'wrong data': await messageOf(() => x.write(Float32Array.of(1))),
    overlap: await messageOf(() => Promise.all([binding.run(), binding.run()])),
    'released buffer': await messageOf(() => gone.read()),
    'released session': await messageOf(async () => {
      await session.release()
      session.bind({ x }, { y })
    }),
  }
  return messages
}

function released(engine: Engine): DeviceBuffer {
  const buffer = engine.createBuffer({ dtype: 'float32', shape: [2] })
  buffer.release()
  buffer.release()
  return buffer
}

async function messageOf(work: () => unknown): Promise<string> {
  try {
    await work()
    return 'nothing was thrown'
  } catch (error) {
    return (error as Error).message
  }
}
