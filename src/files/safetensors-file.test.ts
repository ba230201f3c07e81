import { mkdtemp, readFile, realpath, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CheckpointError } from '../errors.ts'
import { float32 } from '../graph/dtype.ts'
import { writeJsonFile } from './json-file.ts'
import { openCheckpoint, openSafetensors, writeSafetensors } from './safetensors-file.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'atelier-safetensors-'))
})
afterEach(() => rm(folder, { recursive: true }))

describe('one file', () => {
  it('reads back what was written, tensor by tensor', async () => {
    const path = join(folder, 'model.safetensors')
    await writeSafetensors(path, { b: float32([1, 2, 3], [3]), a: float32([4], []) }, { metadata: { format: 'pt' } })
    const file = await openCheckpoint(folder)
    expect(file.metadata).toEqual({ format: 'pt' })
    expect(await file.read('b')).toEqual(float32([1, 2, 3], [3]))
    expect(await file.read('a')).toEqual(float32([4], []))
    await expect(file.read('c')).rejects.toThrow(`${path}: it has no tensor "c"; it has a, b`)
    await file.close()
  })

  it('reads a file that the Python library made, at any alignment', async () => {
    const file = await openSafetensors(
      new URL('../../test/fixtures/safetensors/types.safetensors', import.meta.url).pathname,
    )
    const { data } = await file.read('int64')
    expect([...(data as BigInt64Array)]).toEqual([-(2n ** 63n), 2n ** 63n - 1n])
    await file.close()
  })

  it('says in one line that a file is missing, empty, truncated or a folder', async () => {
    const path = join(folder, 'model.safetensors')
    await expect(openSafetensors(path)).rejects.toThrow(`open ${path}: it does not exist; check the path`)
    await expect(openCheckpoint(folder)).rejects.toThrow(/found neither model\.safetensors nor/)
    await expect(openSafetensors(folder)).rejects.toThrow(CheckpointError)
    await writeFile(path, '')
    await expect(openSafetensors(path)).rejects.toThrow(/too few for a header/)
    await writeSafetensors(path, { a: float32([1, 2, 3], [3]) })
    await truncate(path, (await readFile(path)).length - 1)
    await expect(openSafetensors(path)).rejects.toThrow(/where its header promises/)
  })

  it('leaves the old file when a tensor cannot be fetched', async () => {
    const path = join(folder, 'model.safetensors')
    await writeSafetensors(path, { a: float32([1], [1]) })
    const failing = { dtype: 'float32' as const, shape: [1], read: () => Promise.reject(new Error('device lost')) }
    await expect(writeSafetensors(path, { a: failing })).rejects.toThrow(`write ${path}: device lost`)
    const file = await openSafetensors(path)
    expect((await file.read('a')).data).toEqual(Float32Array.of(1))
    await file.close()
  })
})

describe('weights as float32', () => {
  const path = () => join(folder, 'model.safetensors')
  /** More than a piece, and not a whole number of pieces. */
  const many = float32(
    Float32Array.from({ length: (1 << 20) + 3 }, (_, i) => (i % 255) - 127),
    [(1 << 20) + 3],
  )

  it.each(['F32', 'F16', 'BF16'] as const)('come from %s, over more than one piece', async (float) => {
    await writeSafetensors(path(), { many, few: float32([0.5], []) }, { float })
    const file = await openSafetensors(path())
    const floats = await file.readFloats('many')
    expect(floats).toHaveLength(many.data.length)
    expect(floats.findIndex((value, i) => value !== many.data[i])).toBe(-1)
    expect(await file.readFloats('few')).toEqual(Float32Array.of(0.5))
    await file.close()
  })

  it('come in pieces through memory that is given, and lie where they are said to', async () => {
    await writeSafetensors(path(), { few: float32([0.5], []), many })
    const link = join(folder, 'link.safetensors')
    await symlink(path(), link)
    const file = await openSafetensors(link)
    let at = 0
    for await (const piece of file.floatPieces('many', new Uint8Array(4096))) {
      const wanted = many.data.subarray(at, at + 1024)
      expect(piece.length).toBe(wanted.length)
      expect(piece.findIndex((value, i) => value !== wanted[i])).toBe(-1)
      at += piece.length
    }
    expect(at).toBe(many.data.length)
    const { file: place, byteOffset, byteLength } = file.placeOf('many')
    expect(place).toBe(await realpath(path()))
    const bytes = (await readFile(place)).subarray(byteOffset, byteOffset + byteLength)
    expect(bytes.equals(new Uint8Array(many.data.buffer))).toBe(true)
    await file.close()
  })

  it('do not come from whole numbers, of which quantized checkpoints are made', async () => {
    await writeSafetensors(path(), { packed: { dtype: 'int32', shape: [1], data: Int32Array.of(7) } })
    const file = await openSafetensors(path())
    await expect(file.readFloats('packed')).rejects.toThrow(
      /: packed is stored as I32, wanted F32, F16, BF16, F64; is it a quantized checkpoint\? load one that is not$/,
    )
    await expect(file.readFloats('none')).rejects.toThrow(/it has no tensor "none"/)
    await file.close()
  })
})

describe('shards', () => {
  const index = (weight_map: Record<string, string>) =>
    writeJsonFile(join(folder, 'model.safetensors.index.json'), { weight_map })

  beforeEach(async () => {
    await writeSafetensors(join(folder, 'model-1.safetensors'), { a: float32([1], [1]) })
    await writeSafetensors(join(folder, 'model-2.safetensors'), { b: float32([2], [1]), c: float32([3], [1]) })
  })

  it('reads each tensor from its shard', async () => {
    await index({ a: 'model-1.safetensors', b: 'model-2.safetensors', c: 'model-2.safetensors' })
    const model = await openCheckpoint(folder)
    expect([...model.tensors.keys()]).toEqual(['a', 'b', 'c'])
    expect(await model.readFloats('c')).toEqual(Float32Array.of(3))
    expect((await model.read('b')).data).toEqual(Float32Array.of(2))
    await model.close()
  })

  it('refuses an index that lies or points outside its folder', async () => {
    await index({ a: 'model-1.safetensors', b: 'model-1.safetensors' })
    await expect(openCheckpoint(folder)).rejects.toThrow(/it places "b" in model-1\.safetensors, which lacks it/)
    await index({ a: 'model-1.safetensors', b: 'model-2.safetensors' })
    await expect(openCheckpoint(folder)).rejects.toThrow(
      /model-2\.safetensors holds "c", which it does not list; fetch/,
    )
    await writeSafetensors(join(folder, 'model-3.safetensors'), { a: float32([1], [1]), d: float32([1], [1]) })
    await index({ a: 'model-1.safetensors', d: 'model-3.safetensors' })
    await expect(openCheckpoint(folder)).rejects.toThrow(
      /3\.safetensors holds "a", which it places in model-1\.safetens/,
    )
    await index({ a: '../model-1.safetensors' })
    await expect(openCheckpoint(folder)).rejects.toThrow(CheckpointError)
    await index({ a: 'model-9.safetensors' })
    await expect(openCheckpoint(folder)).rejects.toThrow(/model-9\.safetensors: it does not exist/)
  })
})
