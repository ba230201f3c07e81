import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { cp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CheckpointError } from '../../src/errors.ts'
import { gradients } from '../../src/graph/gradient.ts'
import { input } from '../../src/graph/tensor.ts'
import { readFixture } from '../../src/graph/testing/fixture.ts'
import { compile, dataOf, evaluate } from '../../src/graph/testing/program.ts'
import { expectClose } from '../../src/graph/testing/tolerance.ts'
import { nextTokenLoss } from '../../src/losses/next-token.ts'
import { saveAdapter } from '../../src/models/adapter.ts'
import { loadMaskedModel, loadModel, loadSequenceModel } from '../../src/models/checkpoint.ts'
import { type Adapted, LoraModel, loraTargets, mergedWeights } from '../../src/models/lora.ts'
import { adapterNames } from '../../src/models/low-rank.ts'
import { initialize } from '../../src/nn/parameters.ts'
import { RandomKey } from '../../src/nn/random-bits.ts'
import { adamW } from '../../src/optim/adamw.ts'
import { Random } from '../../src/random/random.ts'
import type { Engine } from '../../src/runtime/engine.ts'
import { createEngine } from '../../src/runtime/index.ts'
import { CachedModel } from '../../src/sample/cached-model.ts'
import { Trainer } from '../../src/train/trainer.ts'

interface Expected {
  readonly ids: readonly (readonly number[])[]
  readonly logits: readonly number[]
}

let engine: Engine
const root = mkdtempSync(join(tmpdir(), 'atelier-lora-'))

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 1 })
})
afterAll(async () => {
  await engine.close()
  rmSync(root, { recursive: true })
})

const path = (name: string) => fileURLToPath(new URL(`../fixtures/models/${name}`, import.meta.url))

describe.each(['lora-llama', 'lora-gpt2'])('%s, from the files that PEFT saved', (name) => {
  const { ids, logits } = readFixture<Expected>(`models/${name}/expected.json`)
  const [batch, length] = [ids.length, ids[0]!.length]
  const feeds = { ids: Int32Array.from(ids.flat()) }
  const tokens = input('ids', 'int32', [batch, length])

  it('has PEFT’s logits to 1e-5, with its base apart and merged', async () => {
    const { architecture, weights } = await loadModel(path(name))
    const apart = await evaluate(engine, { y: architecture.logits(tokens) }, { ...dataOf(weights), ...feeds })
    expectClose(apart.y!, logits, { relative: 1e-5, absolute: 1e-5 })
    const model = architecture as LoraModel
    const merged = dataOf(mergedWeights(model, weights))
    const together = await evaluate(engine, { y: model.base.logits(tokens) }, { ...merged, ...feeds })
    expectClose(together.y!, logits, { relative: 1e-5, absolute: 1e-5 })
    const without = await evaluate(engine, { y: model.base.logits(tokens) }, { ...dataOf(weights), ...feeds })
    expect(Math.max(...logits.map((value, i) => Math.abs(value - Number(without.y![i]))))).toBeGreaterThan(1)
  })

  it('has them decoding over a cache', async () => {
    const { architecture, weights } = await loadModel(path(name))
    const model = await CachedModel.create(engine, architecture, { tensors: weights })
    const state = await model.open({ batch })
    const got = await state.append(ids.map((row) => [...row]))
    const V = architecture.dimensions.vocabSize
    const wanted = ids.flatMap((_, b) => logits.slice(((b + 1) * length - 1) * V, (b + 1) * length * V))
    expectClose(got, wanted, { relative: 2e-5, absolute: 2e-5 })
    state.release()
    await model.release()
  })
})

describe('adapters of the other families, from the files that PEFT saved', () => {
  const read = (name: string) => {
    const { ids, logits } = readFixture<Expected>(`models/${name}/expected.json`)
    const tokens = input('ids', 'int32', [ids.length, ids[0]!.length])
    const mask = input('mask', 'int32', [ids.length, ids[0]!.length])
    const data = Int32Array.from(ids.flat())
    return { logits, tokens, source: { ids: tokens, mask }, feeds: { ids: data, mask: data.map(() => 1) } }
  }
  const close = { relative: 1e-5, absolute: 1e-5 }

  it('lora-bert has PEFT’s logits to 1e-5, apart and merged', async () => {
    const { logits, source, feeds } = read('lora-bert')
    const { architecture, weights } = await loadMaskedModel(path('lora-bert'))
    const apart = await evaluate(engine, { y: architecture.logits(source) }, { ...dataOf(weights), ...feeds })
    expectClose(apart.y!, logits, close)
    const model = architecture as typeof architecture & Adapted & { readonly base: typeof architecture }
    const merged = dataOf(mergedWeights(model, weights))
    const together = await evaluate(engine, { y: model.base.logits(source) }, { ...merged, ...feeds })
    expectClose(together.y!, logits, close)
  })

  it('lora-t5 has PEFT’s logits to 1e-5, apart, merged, and by its parts', async () => {
    const { logits, source, tokens, feeds } = read('lora-t5')
    const { architecture, weights } = await loadSequenceModel(path('lora-t5'))
    const own = { ...dataOf(weights), ...feeds }
    const apart = await evaluate(engine, { y: architecture.logits(source, tokens) }, own)
    expectClose(apart.y!, logits, close)
    const model = architecture as typeof architecture & Adapted & { readonly base: typeof architecture }
    const merged = dataOf(mergedWeights(model, weights))
    const together = await evaluate(engine, { y: model.base.logits(source, tokens) }, { ...merged, ...feeds })
    expectClose(together.y!, logits, close)
    const layers = (of: typeof architecture) => of.sourceLayers(of.encode(source)).at(-1)!
    const [parts, wanted] = [
      await evaluate(engine, { ...layers(architecture) }, own),
      await evaluate(engine, { ...layers(model.base) }, { ...merged, ...feeds }),
    ]
    for (const name of ['keys', 'values']) expectClose(parts[name]!, Array.from(wanted[name]!, Number), close)
  })
})

describe('an adapter that is trained here', () => {
  const windows = input('tokens', 'int32', [2, 9])
  const feeds = { tokens: Int32Array.from({ length: 18 }, (_, i) => (5 * i + 3) % 13) }
  const config = { rank: 2, scale: 2, dropout: 0 }

  it.each(['llama', 'gpt2'])('begins as its base, %s, and learns by A and B alone', async (name) => {
    const base = await loadModel(path(name))
    const model = new LoraModel(base.architecture, { ...config, targets: loraTargets(base.architecture) })
    const { parameters } = model.adapters
    const begun = [...parameters.values()].map((one) => [one.name, initialize(one, Random.seed(1))] as const)
    const all = { ...dataOf({ ...base.weights, ...Object.fromEntries(begun) }), ...feeds }
    const loss = nextTokenLoss(windows, (ids) => model.logits(ids))
    const plain = nextTokenLoss(windows, (ids) => base.architecture.logits(ids))
    const first = await evaluate(engine, { loss, plain }, all)
    expect(first.loss![0]).toBe(first.plain![0])

    const trainer = await Trainer.create(engine, {
      parameters,
      loss,
      optimizer: adamW({ beta1: 0.9, beta2: 0.99, epsilon: 1e-8, weightDecay: 0 }),
      gradientClip: Number.POSITIVE_INFINITY,
      seed: 1,
      frozen: base.weights,
    })
    const losses: number[] = []
    for (let i = 0; i < 12; i++) losses.push((await trainer.train([feeds], 0.03)).loss)
    expect(losses[0]).toBeCloseTo(Number(first.plain![0]), 5)
    expect(losses.at(-1)!).toBeLessThan(losses[0]! - 0.1)
    expect(trainer.stateNames.filter((state) => base.architecture.scope.parameters.has(state))).toEqual([])
    for (const [key, buffer] of Object.entries(trainer.frozen))
      expect(await buffer.read()).toEqual(base.weights[key]!.data)

    const kept = Object.entries(trainer.weights()).map(async ([key, buffer]) => {
      return [key, { dtype: 'float32', shape: buffer.shape, data: await buffer.read() }] as const
    })
    const folder = join(root, name)
    const tensors = Object.fromEntries(await Promise.all(kept))
    await saveAdapter(folder, model, tensors, { base: path(name) })
    await trainer.release()
    const loaded = await loadModel(folder)
    expect((loaded.architecture as LoraModel).lora).toEqual(model.lora)
    const again = await evaluate(
      engine,
      { loss: nextTokenLoss(windows, (ids) => loaded.architecture.logits(ids)) },
      {
        ...dataOf(loaded.weights),
        ...feeds,
      },
    )
    expect(Number(again.loss![0])).toBeLessThan(losses[0]! - 0.1)
  })

  it('has the gradient that differences have', async () => {
    const { architecture, weights } = await loadModel(path('llama'))
    const targets = loraTargets(architecture, ['v_proj', 'mlp.down_proj'])
    expect(targets).toHaveLength(4)
    const model = new LoraModel(architecture, { ...config, targets })
    const loss = nextTokenLoss(windows, (ids) => model.logits(ids))
    const names = Object.values(adapterNames(targets[0]!))
    const wrt = names.map((name) => model.adapters.parameters.get(name)!.tensor)
    const [a, b] = gradients(loss, wrt) as [(typeof wrt)[0], (typeof wrt)[0]]
    const values = Object.fromEntries(
      [...model.adapters.parameters.values()].map(({ name, shape }) => {
        const data = new Float32Array(shape[0]! * shape[1]!)
        Random.seed(4).split(name).fillGaussian(data, 0.3)
        return [name, data]
      }),
    )
    const at = async (change: Readonly<Record<string, Float32Array>> = {}) =>
      evaluate(engine, { loss, a, b }, { ...dataOf(weights), ...values, ...change, ...feeds })
    const { a: ga, b: gb } = await at()
    for (const [name, gradient] of [
      [names[0]!, ga!],
      [names[1]!, gb!],
    ] as const) {
      const moved = (by: number) => Float32Array.from(values[name]!, (value, i) => (i === 3 ? value + by : value))
      const [up, down] = [await at({ [name]: moved(0.004) }), await at({ [name]: moved(-0.004) })]
      const slope = (Number(up.loss![0]) - Number(down.loss![0])) / 0.008
      expect(Number(gradient[3])).toBeCloseTo(slope, 2)
    }
  })

  it('drops some of what its matrices see, where a key is given', async () => {
    const { architecture, weights } = await loadModel(path('lora-llama'))
    const { base, lora } = architecture as LoraModel
    const dropping = new LoraModel(base, { ...lora, dropout: 0.5, targets: lora.targets.slice(0, 2) })
    const ids = input('ids', 'int32', [1, 4])
    const key = RandomKey.from(input('key', 'uint32', [2]))
    const program = await compile(engine, { y: dropping.logits(ids, key), plain: dropping.logits(ids) })
    const run = (word: number) =>
      program.run({ ...dataOf(weights), ids: Int32Array.of(3, 1, 4, 1), key: Uint32Array.of(word, 7) })
    const [one, same, other] = [await run(1), await run(1), await run(2)]
    expect(one.y).toEqual(same.y)
    expect(one.y).not.toEqual(other.y)
    expect(one.y).not.toEqual(one.plain)
    await program.release()
  })
})

describe('what can’t be is refused in one line', () => {
  it('layers that the model lacks, ranks that are none', async () => {
    const { architecture } = await loadModel(path('llama'))
    expect(() => loraTargets(architecture, ['c_attn'])).toThrow(
      'lora: no linear layer is called c_attn; this model has q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj, lm_head',
    )
    const lora = { rank: 2, scale: 1, dropout: 0, targets: ['model.norm.weight'] }
    expect(() => new LoraModel(architecture, lora)).toThrow(
      'model.norm.weight is no matrix that the model multiplies by',
    )
    expect(() => new LoraModel(architecture, { ...lora, rank: 0 })).toThrow('rank is 0, wanted a whole number from 1')
  })

  it('a base that is gone, adapters of another kind, of another model', async () => {
    const folder = join(root, 'broken')
    await cp(path('lora-llama'), folder, { recursive: true })
    const file = join(folder, 'adapter_config.json')
    const config = JSON.parse(readFileSync(file, 'utf8'))
    await expect(loadModel(folder)).rejects.toThrow('"../llama" is no model’s folder here; write there where it lies')
    writeFileSync(file, JSON.stringify({ ...config, base_model_name_or_path: path('llama'), use_dora: true }))
    await expect(loadModel(folder)).rejects.toThrow(CheckpointError)
    await expect(loadModel(folder)).rejects.toThrow(/use_dora/)
    writeFileSync(file, JSON.stringify({ ...config, base_model_name_or_path: path('gpt2') }))
    await expect(loadModel(folder)).rejects.toThrow(
      /holds no adapter of a linear layer of .* base; is it of another model\?$/,
    )
    writeFileSync(file, JSON.stringify({ ...config, base_model_name_or_path: path('llama'), r: 4 }))
    await expect(loadModel(folder)).rejects.toThrow(/lora_A.weight is \[3,16\], config.json wants \[4,16\]/)
  })
})
