import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { exportModel } from '../../src/export/export-model.ts'
import { onnxFiles } from '../../src/export/onnx/decoder-model.ts'
import { readCausalSource } from '../../src/export/source.ts'
import { quantizeWeights } from '../../src/models/quantized-weights.ts'
import type { Engine } from '../../src/runtime/engine.ts'
import { createEngine } from '../../src/runtime/index.ts'
import { CachedModel } from '../../src/sample/cached-model.ts'
import { complete } from '../../src/sample/complete.ts'
import { galleryModel, makeModel, sketches, writtenTokens } from './models.ts'

/** What transformers writes: test/fixtures/export/transformers.py. */
const expected = JSON.parse(readFileSync('test/fixtures/export/transformers.json', 'utf8'))

/** What transformers.js writes: bench/peers/transformers-js.mjs. */
const there = JSON.parse(readFileSync('test/fixtures/export/transformers-js.json', 'utf8'))

let folder: string
let engine: Engine

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 1 }) // first: it makes ONNX Runtime's environment as it needs it
  folder = await mkdtemp(join(tmpdir(), 'atelier-onnx-'))
})
afterAll(async () => {
  await engine.close()
  await rm(folder, { recursive: true })
})

const int64 = (values: readonly number[], shape: readonly number[]) =>
  new Tensor('int64', BigInt64Array.from(values, BigInt), shape)

/** Ids written greedily, as transformers.js feeds the model: each row padded on its left. */
async function written(session: InferenceSession, rows: readonly (readonly number[])[]): Promise<number[][]> {
  const B = rows.length
  const longest = Math.max(...rows.map((row) => row.length))
  const pads = rows.map((row) => longest - row.length)
  let next = rows.map((row, b) => [...new Array(pads[b]).fill(0), ...row])
  const made = rows.map((): number[] => [])
  let caches: Record<string, Tensor> = {}
  for (const name of session.inputNames.filter((input) => input.startsWith('past_key_values.'))) {
    const found = session.inputMetadata.find((one) => one.name === name)
    const shape = found?.isTensor ? found.shape : []
    caches[name] = new Tensor('float32', new Float32Array(), [B, Number(shape[1]), 0, Number(shape[3])])
  }
  for (let total = longest; made[0]!.length < writtenTokens; total++) {
    const T = next[0]!.length
    const columns = Array.from({ length: total }, (_, t) => t)
    const outputs = await session.run({
      input_ids: int64(next.flat(), [B, T]),
      attention_mask: int64(
        pads.flatMap((pad) => columns.map((t) => (t < pad ? 0 : 1))),
        [B, total],
      ),
      position_ids: int64(
        pads.flatMap((pad) => columns.slice(total - T).map((t) => Math.max(0, t - pad))),
        [B, T],
      ),
      ...caches,
    })
    const logits = outputs.logits!.data as Float32Array
    const V = logits.length / B
    const ids = rows.map((_, b) => {
      const row = logits.subarray(b * V, (b + 1) * V)
      return row.indexOf(Math.max(...row))
    })
    for (const [b, id] of ids.entries()) made[b]!.push(id)
    next = ids.map((id) => [id])
    caches = Object.fromEntries(
      Object.keys(caches).map((name) => [name, outputs[name.replace('past_key_values', 'present')]!]),
    )
    expect(Object.values(caches)[0]!.dims[2]).toBe(total)
  }
  return made
}

describe.each(Object.keys(sketches))('a model of the form %s', (name) => {
  it('writes as ONNX what transformers writes, alone and in a batch with shorter prompts', async () => {
    const [model, out] = [join(folder, name), join(folder, `${name}-onnx`)]
    await makeModel(name, model)
    await exportModel(model, 'onnx', out)
    const session = await InferenceSession.create(join(out, 'onnx', 'model.onnx'), { intraOpNumThreads: 1 })
    const { promptIds, ids } = expected[name]
    const short: number[] = promptIds.slice(0, 3)
    const [alone] = await written(session, [short])
    expect(await written(session, [short, promptIds])).toEqual([alone, ids])
    expect(await written(session, [promptIds])).toEqual([ids])
    expect(there[`${name}-f32`]).toEqual({ promptIds, ids })
    await session.release()
  })
})

/** Ids that the project itself writes greedily with matrices in so many bits. */
async function writtenHere(model: string, bits: 4 | 8, promptIds: number[]): Promise<readonly number[]> {
  const { architecture, weights } = await readCausalSource(model)
  const mixed = quantizeWeights(architecture, weights, bits)
  const cached = await CachedModel.create(engine, architecture, { tensors: mixed.weights, quantized: mixed.quantized })
  const [made] = await complete(cached, [promptIds], { temperature: 0, maxTokens: writtenTokens })
  await cached.release()
  return made!.ids
}

describe('the gallery’s model', () => {
  it.each([
    ['f16', 13.57],
    ['q8', 7.67],
    ['q4', 5.18],
  ] as const)('writes as %s in transformers.js what it writes here, from %d MB', async (precision, megabytes) => {
    const { promptIds, ids } = expected.en
    const out = join(folder, `en-${precision}`)
    const { files } = await exportModel(galleryModel, 'onnx', out, precision)
    const path = join(out, 'onnx', onnxFiles[precision])
    expect(files.find((file) => file.path === path)!.bytes / 1e6).toBeCloseTo(megabytes, 1)
    const session = await InferenceSession.create(path, { intraOpNumThreads: 1 })
    const here = precision === 'f16' ? ids : await writtenHere(galleryModel, precision === 'q8' ? 8 : 4, promptIds)
    expect(await written(session, [promptIds])).toEqual([here])
    expect(there[`en-${precision}`]).toEqual({ promptIds, ids: here })
    await session.release()
  })

  it('is refused in few bits where its layers multiply otherwise', async () => {
    const model = join(folder, 'gpt2-again')
    await makeModel('gpt2', model)
    await expect(exportModel(model, 'onnx', join(folder, 'no'), 'q4')).rejects.toThrow(
      /^quantize: no matrix of this model/,
    )
  })
})
