import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EngineError } from '../../errors.ts'
import { float32 } from '../../graph/dtype.ts'
import type { Engine } from '../engine.ts'
import { createEngine } from '../index.ts'
import { unaryModel } from '../testing/model.ts'
import { NativeBuffer } from './buffer.ts'

let engine: Engine

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 2 })
})
afterAll(() => engine.close())

describe('NativeBuffer', () => {
  it('begins zeroed or with the given elements, aligned for any vector register', () => {
    const zeros = NativeBuffer.create({ dtype: 'int64', shape: [2, 3] }, new Set())
    expect([...zeros.host]).toEqual([0n, 0n, 0n, 0n, 0n, 0n])
    expect(zeros.address % 64n).toBe(0n)
    expect([...NativeBuffer.create(float32([1, 2], [2]), new Set()).host]).toEqual([1, 2])
  })

  it('reads a copy, writes through to host, and takes scalars and empty shapes', async () => {
    const buffer = engine.createBuffer({ dtype: 'float32', shape: [] })
    const before = await buffer.read()
    await buffer.write(Float32Array.of(7))
    expect([before[0], buffer.host?.[0]]).toEqual([0, 7])
    const empty = engine.createBuffer({ dtype: 'float32', shape: [0, 4] })
    expect((await empty.read()).length).toBe(0)
  })

  it('refuses data of another length or kind, and shapes that are none', async () => {
    const buffer = engine.createBuffer({ dtype: 'float32', shape: [2] })
    await expect(buffer.write(Float32Array.of(1))).rejects.toThrow(
      'write: got 1 elements of Float32Array, wanted 2 of Float32Array for float32 [2]',
    )
    await expect(buffer.write(Int32Array.of(1, 2))).rejects.toThrow(EngineError)
    expect(() => engine.createBuffer({ dtype: 'int32', shape: [1], data: Float32Array.of(1) })).toThrow(EngineError)
    expect(() => engine.createBuffer({ dtype: 'int32', shape: [-1] })).toThrow(/got shape \[-1\]/)
    expect(() => engine.createBuffer({ dtype: 'int32', shape: [1.5] })).toThrow(EngineError)
  })

  it('says how much memory there is not', () => {
    const huge = () => engine.createBuffer({ dtype: 'float32', shape: [2 ** 20, 2 ** 30] })
    expect(huge).toThrow(EngineError)
    expect(huge).toThrow(
      'createBuffer: no memory for float32 [1048576,1073741824] (4503599628 MB); use smaller sizes, batchSize or n',
    )
  })

  it('shows the same memory in views, which keep it alive and can be computed with', async () => {
    const base = engine.createBuffer(float32([1, -4, 9, -16, 25, -36], [6]))
    const view = base.view([2, 2], 2)
    const out = engine.createBuffer({ dtype: 'float32', shape: [2, 2] })
    const session = await engine.createSession(unaryModel('Abs', 'float32', [2, 2]))
    base.release()
    session.bind({ x: view }, { y: out }).runSync()
    expect([...(out.host ?? [])]).toEqual([9, 16, 25, 36])
    const nested = view.view([1], 3)
    expect([...(nested.host ?? [])]).toEqual([-36])
    expect(() => view.view([2], 3)).toThrow('view: [2] at element 3 does not lie inside [2,2]; take a smaller shape')
    expect(() => view.view([1], -1)).toThrow(EngineError)
    await session.release()
  })

  it('is harmless to release twice, and says so when it is used afterwards', async () => {
    const x = engine.createBuffer({ dtype: 'float32', shape: [2] })
    const y = engine.createBuffer({ dtype: 'float32', shape: [2] })
    const session = await engine.createSession(unaryModel('Abs', 'float32', [2]))
    const binding = session.bind({ x }, { y })
    const host = x.host
    x.release()
    x.release()
    expect(host?.length).toBe(0)
    expect(() => x.host).toThrow('host: this buffer float32 [2] has been released; create another')
    await expect(x.read()).rejects.toThrow(EngineError)
    await expect(x.write(new Float32Array(2))).rejects.toThrow(EngineError)
    expect(() => x.view([1])).toThrow(EngineError)
    await expect(binding.run()).rejects.toThrow(/cannot run: its buffer float32 \[2\] has been released; bind again/)
    expect(() => session.bind({ x }, { y })).toThrow(/input x is a released buffer/)
    binding.release()
    binding.release()
    expect(() => binding.runSync()).toThrow(/released/)
    await Promise.all([session.release(), session.release()])
  })

  it('ends with its engine', async () => {
    const own = await createEngine('cpu', { threads: 2 })
    const buffer = own.createBuffer({ dtype: 'uint8', shape: [3] })
    const session = await own.createSession(unaryModel('Abs', 'float32', [2]))
    await Promise.all([own.close(), own.close()])
    expect(() => buffer.host).toThrow(EngineError)
    expect(() => session.bind({}, {})).toThrow(EngineError)
    expect(() => own.createBuffer({ dtype: 'uint8', shape: [3] })).toThrow(/engine has been closed/)
    await expect(own.createSession(unaryModel('Abs', 'float32', [2]))).rejects.toThrow(/engine has been closed/)
  })
})
