import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EngineError } from '../../errors.ts'
import type { DType } from '../../graph/dtype.ts'
import { float32, sizeOf, viewOf } from '../../graph/dtype.ts'
import type { Engine } from '../engine.ts'
import { createEngine } from '../index.ts'
import { affineModel, chainModel, encodeModel, unaryModel } from '../testing/model.ts'

let engine: Engine

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 2 })
})
afterAll(() => engine.close())

const weights = { w: float32([1, 2, 3, 4, 5, 6], [3, 2]), b: float32([10, 20], [2]) }

describe('cpu engine', () => {
  it('computes a hand-computed affine map, on and off the event loop', async () => {
    const session = await engine.createSession(affineModel(), { initializers: weights })
    const x = engine.createBuffer(float32([1, 1, 1, 1, 0, -1], [2, 3]))
    const y = engine.createBuffer({ dtype: 'float32', shape: [2, 2] })
    const binding = session.bind({ x }, { y })
    await binding.run()
    expect([...(await y.read())]).toEqual([19, 32, 6, 16])
    await x.write(Float32Array.of(0, 0, 0, 0, 0, 2))
    binding.runSync()
    expect([...(y.host ?? [])]).toEqual([10, 20, 20, 32])
    await session.release()
  })

  it("gives the same bits as onnxruntime-node's own binding", async () => {
    const { model, depth, size } = { model: chainModel(6, 96), depth: 6, size: 96 }
    const data = Float32Array.from({ length: size * size }, (_, i) => Math.sin(i * 7.1) / depth)
    const reference = await InferenceSession.create(model, { intraOpNumThreads: 2 })
    const fed = { x: new Tensor(data, [size, size]), w: new Tensor(data, [size, size]) }
    const wanted = (await reference.run(fed)).y?.data as Float32Array
    const x = engine.createBuffer(float32(data, [size, size]))
    const y = engine.createBuffer({ dtype: 'float32', shape: [size, size] })
    const session = await engine.createSession(model)
    await session.bind({ x, w: x }, { y }).run()
    expect(await y.read()).toEqual(wanted)
    await Promise.all([session.release(), reference.release()])
  })

  it('sessions that share an arena give the same bits, in turn and at once', async () => {
    const data = Float32Array.from({ length: 96 * 96 }, (_, i) => Math.sin(i * 7.1) / 6)
    const x = engine.createBuffer(float32(data, [96, 96]))
    const sessions = await Promise.all(
      [false, true, true].map((sharedArena) => engine.createSession(chainModel(6, 96), { sharedArena })),
    )
    const results = sessions.map(() => engine.createBuffer({ dtype: 'float32', shape: [96, 96] }))
    const bindings = sessions.map((session, i) => session.bind({ x, w: x }, { y: results[i]! }))
    for (const binding of bindings) await binding.run()
    const [plain, ...shared] = await Promise.all(results.map((result) => result.read()))
    for (const result of shared) expect(result).toEqual(plain)
    await Promise.all(bindings.map((binding) => binding.run()))
    for (const result of results) expect(await result.read()).toEqual(plain)
    await Promise.all(sessions.map((session) => session.release()))
  })

  const samples: Readonly<Record<DType, readonly number[]>> = {
    float32: [-1.5, 0, 3.25],
    float16: [0x3c00, 0xc000, 0x7bff],
    int32: [-2147483648, 0, 2147483647],
    int64: [-9007199254740991, 0, 9007199254740991],
    uint8: [0, 128, 255],
    uint32: [0, 1, 4294967295],
    bool: [0, 1, 1],
  }
  it.each(Object.keys(samples) as DType[])('carries %s through a model', async (dtype) => {
    const values = samples[dtype]
    const data = viewOf(dtype, new ArrayBuffer(24), 0, 3)
    for (const [i, value] of values.entries()) data[i] = dtype === 'int64' ? (BigInt(value) as never) : value
    const x = engine.createBuffer({ dtype, shape: [3], data })
    const y = engine.createBuffer({ dtype, shape: [3] })
    const session = await engine.createSession(unaryModel('Identity', dtype, [3]))
    await session.bind({ x }, { y }).run()
    expect(Array.from(await y.read(), Number)).toEqual(values)
    await session.release()
  })

  it('reads float16 as IEEE half precision', async () => {
    const model = encodeModel({
      inputs: [['x', 'float16', [2]]],
      outputs: [['y', 'float32', [2]]],
      nodes: [['Cast', ['x'], ['y'], { to: 1 }]],
    })
    const x = engine.createBuffer({ dtype: 'float16', shape: [2], data: Uint16Array.of(0x3555, 0xc000) })
    const y = engine.createBuffer({ dtype: 'float32', shape: [2] })
    const session = await engine.createSession(model)
    session.bind({ x }, { y }).runSync()
    expect(y.host?.[0]).toBeCloseTo(1 / 3, 3)
    expect(y.host?.[1]).toBe(-2)
    await session.release()
  })

  it('updates state in place when input and output are one buffer', async () => {
    const session = await engine.createSession(
      encodeModel({
        inputs: [['x', 'float32', [4]]],
        outputs: [['y', 'float32', [4]]],
        nodes: [['Add', ['x', 'x'], ['y']]],
      }),
    )
    const state = engine.createBuffer(float32([1, 2, 3, 4], [4]))
    const binding = session.bind({ x: state }, { y: state })
    for (let i = 0; i < 5; i++) await binding.run()
    expect([...(await state.read())]).toEqual([32, 64, 96, 128])
    await session.release()
  })

  it('needs its own copy of initializers only while it compiles', async () => {
    const w = float32([1, 2, 3, 4, 5, 6], [3, 2])
    const session = await engine.createSession(affineModel(), { initializers: { ...weights, w } })
    ;(w.data as Float32Array).fill(99)
    const x = engine.createBuffer(float32([1, 1, 1], [1, 3]))
    const y = engine.createBuffer({ dtype: 'float32', shape: [1, 2] })
    session.bind({ x }, { y }).runSync()
    expect([...(y.host ?? [])]).toEqual([19, 32])
    await session.release()
  })

  it('keeps gathered and int64 initializers too', async () => {
    const model = encodeModel({
      inputs: [['i', 'int64', [2]]],
      outputs: [['y', 'int64', [2, 2]]],
      nodes: [['Gather', ['table', 'i'], ['y']]],
      initializers: { table: { dtype: 'int64', shape: [3, 2] } },
    })
    const table = { dtype: 'int64', shape: [3, 2], data: BigInt64Array.of(1n, 2n, 3n, 4n, 5n, 6n) } as const
    const session = await engine.createSession(model, { initializers: { table } })
    const i = engine.createBuffer({ dtype: 'int64', shape: [2], data: BigInt64Array.of(2n, 0n) })
    const y = engine.createBuffer({ dtype: 'int64', shape: [2, 2] })
    session.bind({ i }, { y }).runSync()
    expect([...(y.host ?? [])]).toEqual([5n, 6n, 1n, 2n])
    await session.release()
  })

  it('takes empty tensors, many dimensions and names with any characters', async () => {
    const session = await engine.createSession(affineModel(), { initializers: weights })
    const x = engine.createBuffer({ dtype: 'float32', shape: [0, 3] })
    const y = engine.createBuffer({ dtype: 'float32', shape: [0, 2] })
    await session.bind({ x }, { y }).run()
    expect((await y.read()).length).toBe(0)
    await session.release()
    const name = 'blocks.0/attention→q'
    const named = encodeModel({
      inputs: [[name, 'float32', [1, 2, 1, 1, 2]]],
      outputs: [['y', 'float32', [1, 2, 1, 1, 2]]],
      nodes: [['Add', [name, `${name}.w`], ['y']]],
      initializers: { [`${name}.w`]: { dtype: 'float32', shape: [2] } },
    })
    const added = await engine.createSession(named, { initializers: { [`${name}.w`]: float32([10, 20], [2]) } })
    const input = engine.createBuffer(float32([1, 2, 3, 4], [1, 2, 1, 1, 2]))
    added.bind({ [name]: input }, { y: input }).runSync()
    expect([...(input.host ?? [])]).toEqual([11, 22, 13, 24])
    await added.release()
  })

  it('refuses models of element types that buffers do not have', async () => {
    const model = encodeModel({
      inputs: [['x', 'float32', [1]]],
      outputs: [['y', 'float64', [1]]],
      nodes: [['Cast', ['x'], ['y'], { to: 11 }]],
    })
    await expect(engine.createSession(model)).rejects.toThrow(/y has ONNX element type 11, wanted a tensor of float32/)
  })

  it('says what is wrong with initializers', async () => {
    const compile = (initializers: Record<string, ReturnType<typeof float32>>) =>
      engine.createSession(affineModel(), { initializers })
    await expect(compile({ b: weights.b })).rejects.toThrow(/initializer w has no data; pass it/)
    await expect(compile({ ...weights, w: float32([1, 2], [3, 2]) })).rejects.toThrow(/w has 8 bytes, wanted 24/)
    await expect(compile({ ...weights, w: float32([1, 2, 3, 4, 5, 6], [2, 3]) })).rejects.toThrow(EngineError)
    await expect(compile({ ...weights, q: float32([1], [1]) })).rejects.toThrow(EngineError)
  })

  it('says what does not fit a binding', async () => {
    const session = await engine.createSession(affineModel(), { initializers: weights })
    const x = engine.createBuffer({ dtype: 'float32', shape: [2, 3] })
    const y = engine.createBuffer({ dtype: 'float32', shape: [2, 2] })
    const ints = engine.createBuffer({ dtype: 'int32', shape: [2, 3] })
    expect(() => session.bind({}, { y })).toThrow('bind: input x is missing, wanted a buffer of float32 [?,3]')
    expect(() => session.bind({ x, q: x }, { y })).toThrow('bind: the model has no input q, it has x; leave it out')
    expect(() => session.bind({ x: y }, { y })).toThrow('input x got float32 [2,2], wanted float32 [?,3]')
    expect(() => session.bind({ x: ints }, { y })).toThrow('input x got int32 [2,3], wanted float32 [?,3]')
    expect(() => session.bind({ x }, { y: x })).toThrow('output y got float32 [2,3], wanted float32 [?,2]')
    const other = { ...x, host: undefined } as typeof x
    expect(() => session.bind({ x: other }, { y })).toThrow(/another engine/)
    await session.release()
    expect(() => session.bind({ x }, { y })).toThrow(/session has been released/)
  })

  it('reports bytes that are no model, and a failing run, in one line', async () => {
    await expect(engine.createSession(Uint8Array.of(1, 2, 3))).rejects.toThrow(
      /^createSession: ONNX Runtime says: [^\n]+$/,
    )
    await expect(engine.createSession(new Uint8Array(0))).rejects.toThrow(EngineError)
    await expect(engine.createSession(affineModel().slice(0, 60))).rejects.toThrow(EngineError)
    const session = await engine.createSession(
      encodeModel({
        inputs: [
          ['x', 'float32', [3]],
          ['i', 'int64', [1]],
        ],
        outputs: [['y', 'float32', [1]]],
        nodes: [['Gather', ['x', 'i'], ['y']]],
      }),
    )
    const x = engine.createBuffer(float32([1, 2, 3], [3]))
    const i = engine.createBuffer({ dtype: 'int64', shape: [1], data: BigInt64Array.of(7n) })
    const y = engine.createBuffer({ dtype: 'float32', shape: [1] })
    const binding = session.bind({ x, i }, { y })
    await expect(binding.run()).rejects.toThrow(/^run: ONNX Runtime says: .*idx=7[^\n]*$/)
    expect(() => binding.runSync()).toThrow(EngineError)
    await i.write(BigInt64Array.of(1n))
    await binding.run()
    expect(y.host?.[0]).toBe(2)
    await session.release()
  })

  it('leaves the event loop free while it runs', async () => {
    const { session, binding } = await slowBinding()
    let ticks = 0
    const timer = setInterval(() => ticks++, 1)
    await binding.run()
    clearInterval(timer)
    expect(ticks).toBeGreaterThan(3)
    await session.release()
  })

  it('refuses a second run of a binding that is running, and runs again afterwards', async () => {
    const { session, binding } = await slowBinding()
    const first = binding.run()
    await expect(binding.run()).rejects.toThrow(/this binding is running/)
    expect(() => binding.runSync()).toThrow(/this binding is running/)
    await first
    await binding.run()
    await session.release()
  })

  it('waits for a run in flight before anything that it uses is freed', async () => {
    const { session, binding, buffers } = await slowBinding()
    const run = binding.run()
    const host = buffers.y?.host
    binding.release()
    for (const buffer of Object.values(buffers)) buffer.release()
    const released = session.release()
    expect(host?.length).toBeGreaterThan(0)
    await run
    await released
    expect(host?.length).toBe(0)
  })

  it('writes a profile and accepts every optimization setting', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'atelier-profile-'))
    const session = await engine.createSession(chainModel(2, 4), { profilePrefix: join(folder, 'trace') })
    const x = engine.createBuffer({ dtype: 'float32', shape: [4, 4] })
    session.bind({ x, w: x }, { y: engine.createBuffer(x) }).runSync()
    await session.release()
    const [file = ''] = await readdir(folder)
    expect(await readFile(join(folder, file), 'utf8')).toContain('MatMul')
    await rm(folder, { recursive: true })
    for (const optimization of ['none', 'basic', 'extended', 'all'] as const) {
      const disabledOptimizers = ['CommonSubexpressionElimination', 'ConstantFolding']
      await (await engine.createSession(chainModel(2, 4), { optimization, disabledOptimizers })).release()
    }
  })

  it('says how many threads the process runs on, and refuses a second pool', async () => {
    expect(engine.describe()).toMatchObject({ name: 'cpu', threads: 2 })
    expect(engine.describe().library).toMatch(/^onnxruntime-node \d+\.\d+/)
    await expect(createEngine('cpu', { threads: 3 })).rejects.toThrow(/runs on 2 threads, got 3; close it first/)
    await expect(createEngine('cpu', { threads: 0 })).rejects.toThrow(/got 0 threads/)
    const second = await createEngine('cpu', { threads: 2 })
    await second.close()
  })

  it('says what is missing for the engines that cannot run here', async () => {
    await expect(createEngine('webgpu')).rejects.toThrow(/^createEngine: webgpu runs in a page[^\n]*$/)
    await expect(createEngine('wasm')).rejects.toThrow(/^createEngine: wasm runs in a page[^\n]*$/)
    await expect(createEngine('tpu' as 'cpu')).rejects.toThrow(/no engine tpu/)
    const cuda = await createEngine('cuda', { threads: 2 }).catch((error: Error) => error)
    if (cuda instanceof Error) expect(cuda.message).toMatch(/^createEngine: cuda cannot run here: [^\n]*CUDA 12[^\n]*$/)
    else await cuda.close()
  })

  async function slowBinding() {
    const size = 256
    const session = await engine.createSession(chainModel(200, size))
    const zeros = () => engine.createBuffer({ dtype: 'float32', shape: [size, size] })
    const buffers = { x: zeros(), w: zeros(), y: zeros() }
    expect(sizeOf(buffers.x.shape)).toBe(size * size)
    const binding = session.bind({ x: buffers.x, w: buffers.w }, { y: buffers.y })
    return { session, binding, buffers }
  }
})
