import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { InferenceSession, Tensor } from 'onnxruntime-node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { exportModel } from '../../src/export/export-model.ts'
import { makeModel, sketches, writtenTokens } from './models.ts'

/** What transformers writes: test/fixtures/export/transformers.py. */
const expected = JSON.parse(readFileSync('test/fixtures/export/transformers.json', 'utf8'))

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'atelier-onnx-'))
})
afterAll(() => rm(folder, { recursive: true }))

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
    await session.release()
  })
})
