import { type LowerOptions, lower } from '../../onnx/lower.ts'
import type { DeviceBuffer, Engine } from '../../runtime/engine.ts'
import type { HostTensor, TypedArray } from '../dtype.ts'
import type { Tensor } from '../tensor.ts'

/** Values by name; numbers stand for float32 or int32 elements of what the graph declares. */
export type Values = Readonly<Record<string, TypedArray>>

/** A graph that is lowered, compiled and bound, to be fed again and again. */
export interface Program {
  /** Runs with `feeds` and gives copies of all outputs. */
  run(feeds: Values): Promise<Record<string, TypedArray>>
  release(): Promise<void>
}

/** How a test program is made: lowered as for `provider`, run by the engine at hand. */
export interface ProgramOptions {
  readonly provider?: LowerOptions['provider']
  /** Sizes of named dimensions. */
  readonly sizes?: Readonly<Record<string, number>>
}

/** Lowers and compiles `outputs` for tests. */
export async function compile(
  engine: Engine,
  outputs: Readonly<Record<string, Tensor>>,
  options: ProgramOptions = {},
): Promise<Program> {
  const program = lower(outputs, { provider: options.provider ?? 'cpu' })
  const session = await engine.createSession(program.bytes)
  const make = (types: typeof program.inputs) =>
    Object.fromEntries(
      Object.entries(types).map(([name, { dtype, shape }]) => {
        const sizes = shape.map((dim) => (typeof dim === 'number' ? dim : options.sizes![dim]!))
        return [name, engine.createBuffer({ dtype, shape: sizes })] as const
      }),
    )
  const fed = make(program.inputs)
  const given = make(program.outputs)
  const binding = session.bind(fed, given)
  return {
    async run(feeds) {
      for (const [name, buffer] of Object.entries(fed)) await buffer.write(feeds[name]!)
      await binding.run()
      return readAll(given)
    },
    async release() {
      binding.release()
      for (const buffer of [...Object.values(fed), ...Object.values(given)]) buffer.release()
      await session.release()
    },
  }
}

/** {@link compile}, run once, release. */
export async function evaluate(
  engine: Engine,
  outputs: Readonly<Record<string, Tensor>>,
  feeds: Values = {},
  options: ProgramOptions = {},
): Promise<Record<string, TypedArray>> {
  const program = await compile(engine, outputs, options)
  try {
    return await program.run(feeds)
  } finally {
    await program.release()
  }
}

async function readAll(buffers: Readonly<Record<string, DeviceBuffer>>): Promise<Record<string, TypedArray>> {
  const entries = Object.entries(buffers).map(async ([name, buffer]) => [name, await buffer.read()] as const)
  return Object.fromEntries(await Promise.all(entries))
}

/** Feeds by name of host tensors by name. */
export function dataOf(tensors: Readonly<Record<string, HostTensor>>): Values {
  return Object.fromEntries(Object.entries(tensors).map(([name, { data }]) => [name, data]))
}
