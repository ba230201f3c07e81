import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CheckpointError } from '../../src/errors.ts'
import { exportModel } from '../../src/export/export-model.ts'
import { tensorTypes } from '../../src/export/gguf/tensor-types.ts'
import { readCausalSource } from '../../src/export/source.ts'
import { float16ToFloat32 } from '../../src/files/half-precision.ts'
import type { Engine } from '../../src/runtime/engine.ts'
import { createEngine } from '../../src/runtime/index.ts'
import { CachedModel } from '../../src/sample/cached-model.ts'
import { logNormalizer } from '../../src/sample/log-probabilities.ts'
import { galleryModel, makeModel, measuredText, prompt, sketches, writtenTokens } from './models.ts'

/** What llama.cpp made of each file: bench/peers/llama-cpp.mjs. */
interface Outcome {
  readonly sha256: string
  readonly promptIds: readonly number[]
  readonly ids: readonly number[]
  readonly perplexity: number
  /** What perplexity was measured on. */
  readonly tokens: readonly number[]
}

const fixture = (name: string) => JSON.parse(readFileSync(`test/fixtures/export/${name}.json`, 'utf8'))
const outcomes: Readonly<Record<string, Outcome>> = fixture('llama-cpp')

let engine: Engine
let folder: string

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 2 })
  folder = await mkdtemp(join(tmpdir(), 'atelier-gguf-'))
})
afterAll(async () => {
  await engine.close()
  await rm(folder, { recursive: true })
})

const sha256 = async (path: string) =>
  createHash('sha256')
    .update(await readFile(path))
    .digest('hex')

/** A parameter's numbers as a file stores them. */
type Stored = (name: string, values: Float32Array, shape: readonly number[]) => Float32Array

/** Numbers of 4 bits for matrices, of 8 for the table that gives logits too; of 8 for all. */
const asStored: Readonly<Record<'q8_0' | 'q4_0', Stored>> = {
  q8_0: (_, values, shape) => (shape.length < 2 ? values : readQ8(tensorTypes.q8_0.encode(values))),
  q4_0: (name, values, shape) => {
    if (shape.length < 2 || name === 'model.embed_tokens.weight') return asStored.q8_0(name, values, shape)
    return readQ4(tensorTypes.q4_0.encode(values))
  },
}

/** Blocks of 32 as ggml reads them: a scale in float16, then `quants` bytes, of which `level` makes the i-th number. */
function readBlocks(bytes: Uint8Array, quants: number, level: (quants: Uint8Array, i: number) => number): Float32Array {
  const count = bytes.length / (2 + quants)
  const at = (block: number) => block * (2 + quants)
  const halves = Uint16Array.from({ length: count }, (_, block) => bytes[at(block)]! | (bytes[at(block) + 1]! << 8))
  const scales = float16ToFloat32(halves)
  return Float32Array.from({ length: 32 * count }, (_, i) => {
    const block = i >> 5
    return scales[block]! * level(bytes.subarray(at(block) + 2, at(block + 1)), i & 31)
  })
}

const readQ8 = (bytes: Uint8Array) => readBlocks(bytes, 32, (quants, i) => (quants[i]! << 24) >> 24)
const readQ4 = (bytes: Uint8Array) =>
  readBlocks(bytes, 16, (quants, i) => (i < 16 ? quants[i]! & 15 : quants[i - 16]! >> 4) - 8)

/** What our own engine makes of a folder: ids, greedily, and perplexity; and its tokenizer's ids. */
async function ownOutcome(model: string, stored: Stored = (_, data) => data): Promise<Omit<Outcome, 'sha256'>> {
  const { architecture, weights, tokenizer } = await readCausalSource(model)
  const tensors = Object.entries(weights).map(([name, { shape, data }]) => {
    return [name, { dtype: 'float32', shape, data: stored(name, data as Float32Array, shape) }] as const
  })
  const cached = await CachedModel.create(engine, architecture, { tensors: Object.fromEntries(tensors) })
  const promptIds = [...tokenizer.encode(prompt)]
  const writing = await cached.open({ batch: 1 })
  const ids: number[] = []
  for (let next = promptIds; ids.length < writtenTokens; next = ids.slice(-1)) {
    const logits = await writing.append([next])
    ids.push(logits.indexOf(Math.max(...logits)))
  }
  writing.release()
  const tokens = [...tokenizer.encode(measuredText)].slice(0, cached.contextLength)
  const measuring = await cached.open({ batch: 1 })
  let sum = 0
  for (const [i, id] of tokens.slice(1).entries()) {
    const logits = await measuring.append([[tokens[i]!]])
    sum += logits[id]! - logNormalizer(logits, { row: 0, step: 0 })
  }
  measuring.release()
  await cached.release()
  return { promptIds, ids, tokens, perplexity: Math.exp(-sum / (tokens.length - 1)) }
}

describe('blocks', () => {
  const reference: Record<string, string> = fixture('quantize')
  const bytesOf = (name: string) => new Uint8Array(Buffer.from(reference[name]!, 'base64'))
  const rows = new Float32Array(bytesOf('rows').buffer)

  it('of 8 bits are llama.cpp’s bit by bit', () => {
    expect(Buffer.from(tensorTypes.q8_0.encode(rows))).toEqual(Buffer.from(bytesOf('q8_0')))
  })

  it('of 4 bits are read there as numbers no further from the right ones than its own', () => {
    const errors = (bytes: Uint8Array) => {
      const read = readQ4(bytes)
      return Array.from({ length: rows.length / 32 }, (_, b) =>
        rows.subarray(32 * b, 32 * b + 32).reduce((sum, x, i) => sum + (x - read[32 * b + i]!) ** 2, 0),
      )
    }
    const [own, theirs] = [errors(tensorTypes.q4_0.encode(rows)), errors(bytesOf('q4_0'))]
    for (const [block, error] of own.entries()) expect(error).toBeLessThanOrEqual(theirs[block]! * 1.001 + 1e-12)
    const sum = (all: number[]) => all.slice(0, 40).reduce((a, b) => a + b)
    expect(sum(own)).toBeLessThan(0.93 * sum(theirs))
  })
})

describe('the gallery’s model', () => {
  it.each(['f32', 'f16', 'q8_0', 'q4_0'])('is the very %s file that llama.cpp read', async (precision) => {
    const path = join(folder, `en-${precision}.gguf`)
    await exportModel(galleryModel, 'gguf', path, precision)
    expect(await sha256(path)).toBe(outcomes[`en-${precision}`]!.sha256)
  })

  it('says the same there in 32 and 16 bits, and nearly so in 8', async () => {
    const own = await ownOutcome(galleryModel)
    expect(own.ids).toEqual(fixture('transformers').en.ids)
    const share = (precision: string) => Math.abs(outcomes[`en-${precision}`]!.perplexity / own.perplexity - 1)
    for (const precision of ['f32', 'f16']) {
      const { ids, promptIds, tokens } = outcomes[`en-${precision}`]!
      expect({ ids, promptIds, tokens }).toEqual({ ids: own.ids, promptIds: own.promptIds, tokens: own.tokens })
      expect(share(precision)).toBeLessThan(0.001)
    }
    expect(share('q8_0')).toBeLessThan(0.01)
  })

  it.each(['q8_0', 'q4_0'] as const)('is as perplexed there by numbers of %s as here', async (precision) => {
    const { perplexity } = await ownOutcome(galleryModel, asStored[precision])
    const ratio = outcomes[`en-${precision}`]!.perplexity / perplexity
    expect(Math.abs(ratio - 1)).toBeLessThan(0.01)
  })
})

/** ggml looks GELU up in a table of 16 bits, so that of two tokens that are nearly as likely it may take the other. */
const looksUp = new Set(['gpt2'])

describe.each(Object.keys(sketches))('a model of the form %s', (name) => {
  it('says in llama.cpp what it says here', async () => {
    const model = join(folder, name)
    await makeModel(name, model)
    for (const precision of ['f32', 'q8_0']) {
      const path = join(folder, `${name}-${precision}.gguf`)
      await exportModel(model, 'gguf', path, precision)
      expect(await sha256(path)).toBe(outcomes[`${name}-${precision}`]!.sha256)
    }
    const own = await ownOutcome(model)
    const { ids, promptIds, tokens, perplexity } = outcomes[`${name}-f32`]!
    expect({ promptIds, tokens }).toEqual({ promptIds: own.promptIds, tokens: own.tokens })
    if (!looksUp.has(name)) expect(ids).toEqual(own.ids)
    expect(own.ids).toEqual(fixture('transformers')[name].ids)
    expect(own.promptIds).toEqual(fixture('transformers')[name].promptIds)
    expect(Math.abs(perplexity / own.perplexity - 1)).toBeLessThan(0.002)
    expect(Math.abs(outcomes[`${name}-q8_0`]!.perplexity / perplexity - 1)).toBeLessThan(0.01)
  })
})

it('writes folders in Hugging Face’s form that are read back as they were', async () => {
  const out = join(folder, 'en-hf')
  const { files } = await exportModel(galleryModel, 'hf', out)
  expect(files.map(({ path }) => basename(path))).toEqual([
    'config.json',
    'generation_config.json',
    'model.safetensors',
    'tokenizer.json',
    'tokenizer_config.json',
  ])
  const [before, after] = [await readCausalSource(galleryModel), await readCausalSource(out)]
  expect(after.settings).toEqual(before.settings)
  expect(Object.keys(after.weights)).toEqual(Object.keys(before.weights))
  for (const [name, { data }] of Object.entries(after.weights))
    expect(Buffer.compare(Buffer.from(data.buffer), Buffer.from(before.weights[name]!.data.buffer)), name).toBe(0)
  expect(JSON.parse(await readFile(join(out, 'generation_config.json'), 'utf8'))).toEqual({
    bos_token_id: 6143,
    eos_token_id: 6143,
  })
})

it('refuses in one line what llama.cpp has not', async () => {
  const folderOf = (name: string) => `test/fixtures/models/${name}`
  await expect(exportModel(folderOf('t5'), 'gguf', join(folder, 't5.gguf'))).rejects.toThrow(CheckpointError)
  await expect(exportModel(galleryModel, 'gguf', join(folder, 'x.gguf'), 'q2_k')).rejects.toThrow(
    'export: gguf has no precision q2_k, wanted f16, f32, q8_0, q4_0',
  )
  await expect(exportModel(galleryModel, 'mlx', folder)).rejects.toThrow(
    'export: there is no form mlx, wanted hf, gguf, onnx',
  )
  await expect(exportModel(galleryModel, 'hf', folder)).rejects.toThrow(
    `export: ${folder} is there already; name a new folder or remove it`,
  )
})
