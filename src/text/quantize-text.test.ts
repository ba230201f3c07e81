import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeTokenizer } from '../data/tokenizers/folder.ts'
import { byteTokenizer } from '../data/tokenizers/index.ts'
import { CheckpointError, ConfigError } from '../errors.ts'
import { decodeSafetensors } from '../files/safetensors.ts'
import { writeSafetensors } from '../files/safetensors-file.ts'
import type { CausalConfig } from '../models/architecture.ts'
import { loadModel, saveModel } from '../models/checkpoint.ts'
import { denseWeights } from '../models/quantized-weights.ts'
import { architectureNamed } from '../models/registry.ts'
import { initialize } from '../nn/parameters.ts'
import { Random } from '../random/random.ts'
import { evaluateText } from './evaluate-text.ts'
import { type QuantizeResult, quantizeText } from './quantize-text.ts'
import { tinyText } from './testing/tiny-run.ts'
import { TextModel } from './text-model.ts'

const root = mkdtempSync(join(tmpdir(), 'atelier-quantize-'))
const text = join(root, 'held-out.txt')
const settings: CausalConfig = {
  vocabSize: 257,
  contextLength: 32,
  dModel: 32,
  nLayers: 2,
  nHeads: 2,
  nKvHeads: 1,
  dFf: 64,
  dropout: 0,
  tieEmbeddings: true,
  ropeTheta: 10_000,
  normEpsilon: 1e-5,
}

/** A folder with a model of random weights, larger than those that training begins with: its logits differ. */
async function randomModel(name: string, architecture = 'decoder'): Promise<string> {
  const folder = join(root, name)
  const model = architectureNamed(architecture).build(settings)
  const weights = [...model.scope.parameters.values()].map((parameter) => {
    const { data, ...rest } = initialize(parameter, Random.seed(1))
    return [parameter.name, { ...rest, data: (data as Float32Array).map((value) => 5 * value) }] as const
  })
  await saveModel(folder, model, Object.fromEntries(weights))
  await writeTokenizer(folder, byteTokenizer(), settings.contextLength)
  return folder
}

let folder: string
const results = new Map<4 | 8, QuantizeResult>()
const small = (bits: 4 | 8) => join(root, `small-${bits}`)

beforeAll(async () => {
  writeFileSync(text, tinyText(20))
  folder = await randomModel('model')
  for (const bits of [4, 8] as const)
    results.set(bits, await quantizeText(folder, { bits, out: small(bits), data: [text], threads: 1 }))
})
afterAll(() => rmSync(root, { recursive: true }))

describe.each([4, 8] as const)('a model in %i bits', (bits) => {
  it('is measured beside the one that it is made of, as `evaluate` measures it', async () => {
    const { before, after, matrices } = results.get(bits)!
    expect(matrices).toBe(2 * 7 + 1)
    const evaluated = await evaluateText(small(bits), { data: [text], samples: 0, threads: 1 })
    expect(evaluated).toMatchObject({ task: 'next', bitsPerByte: after.bitsPerByte })
    expect(after.bitsPerByte).not.toBe(before.bitsPerByte)
    expect(Math.abs(after.bitsPerByte - before.bitsPerByte)).toBeLessThan(bits === 4 ? 0.3 : 0.02)
    expect(after.bytes).toBeLessThan(before.bytes / (bits === 4 ? 3 : 2.5))
    expect(after.tokensPerSecond).toBeGreaterThan(0)
  })

  it('holds its layers in so many bits and the table of tokens in 8, near what they were', async () => {
    const { weights } = await loadModel(folder)
    const loaded = await loadModel(small(bits))
    const dense = denseWeights(loaded)
    expect(Object.keys(dense).sort()).toEqual(Object.keys(weights).sort())
    for (const [name, { format, scales }] of Object.entries(loaded.quantized)) {
      expect(format.bits).toBe(name.includes('.layers.') ? bits : 8)
      const steps = (dense[name]!.data as Float32Array).map((value, i) => {
        return Math.abs((value - Number(weights[name]!.data[i])) / Number(scales.data[Math.floor(i / 32)]))
      })
      expect(Math.max(...steps)).toBeLessThan(bits === 4 ? 1.6 : 1.07)
    }
    for (const name of Object.keys(loaded.weights)) expect(dense[name]).toEqual(weights[name])
  })

  it('writes, and gives texts nearly the probability that its numbers do', async () => {
    const model = await TextModel.load(small(bits), { threads: 1 })
    const dense = join(root, `dense-${bits}`)
    await saveModel(dense, model.loaded.architecture, denseWeights(await loadModel(model.folder)))
    await writeTokenizer(dense, model.tokenizer, settings.contextLength)
    const same = await TextModel.load(dense, { threads: 1 })
    const [made] = await model.complete(['The cat'], { maxTokens: 20, seed: 3 })
    const [one, two] = [model, same].map((of) => of.logProbability(made!.promptIds, made!.ids, false))
    // The kernel rounds what it multiplies to 8 bits.
    expect(Math.abs((await one)! - (await two)!)).toBeLessThan(0.06 * made!.tokens)
    await model.release()
    await same.release()
  })
})

describe('what can’t be is refused in one line', () => {
  it('a folder that is there, a model in few bits, layers that multiply otherwise, no text', async () => {
    const ask = (model: string, out: string, data?: string[]) =>
      quantizeText(model, { bits: 4, out: join(root, out), threads: 1, ...(data ? { data } : {}) })
    await expect(ask(folder, 'small-4')).rejects.toThrow(/small-4 is there already; choose another --out$/)
    await expect(ask(small(4), 'again')).rejects.toThrow(/is in few bits already; name the model that it was made of$/)
    await expect(ask(await randomModel('gpt2', 'gpt2'), 'gpt2-4')).rejects.toThrow(ConfigError)
    await expect(ask(folder, 'nothing')).rejects.toThrow(/holds no held-out text; name text to measure on by --data$/)
  })

  it('files that contradict themselves, and forms of others', async () => {
    const broken = await randomModel('broken')
    const config = JSON.parse(readFileSync(join(small(4), 'config.json'), 'utf8'))
    writeFileSync(join(broken, 'config.json'), JSON.stringify(config))
    const { tensors } = decodeSafetensors(readFileSync(join(small(4), 'model.safetensors')))
    const name = 'model.layers.0.mlp.up_proj.weight'
    const scales = `${name}.scales`
    const { [scales]: _, ...without } = tensors
    await writeSafetensors(join(broken, 'model.safetensors'), without)
    await expect(loadModel(broken)).rejects.toThrow(CheckpointError)
    await expect(loadModel(broken)).rejects.toThrow(
      `${name}.packed is U8 [64,1,16], which with ${scales} is no [64,32]`,
    )
    const infinite = { ...tensors[scales]!, data: new Uint16Array(64).fill(0x7c00) }
    await writeSafetensors(join(broken, 'model.safetensors'), { ...tensors, [scales]: infinite })
    await expect(loadModel(broken)).rejects.toThrow(`${scales} holds numbers that are not finite`)
    writeFileSync(
      join(broken, 'config.json'),
      JSON.stringify({ ...config, quantization_config: { quant_method: 'gptq' } }),
    )
    await expect(loadModel(broken)).rejects.toThrow('the weights are quantized; load a copy that is not')
  })
})
