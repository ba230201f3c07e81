import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeTokenizer } from '../data/tokenizers/folder.ts'
import { byteTokenizer } from '../data/tokenizers/index.ts'
import { readCausalSource } from '../export/source.ts'
import type { HostTensor } from '../graph/dtype.ts'
import { saveAdapter } from '../models/adapter.ts'
import type { CausalConfig } from '../models/architecture.ts'
import { saveModel } from '../models/checkpoint.ts'
import { Decoder } from '../models/decoder.ts'
import { LoraModel, loraTargets } from '../models/lora.ts'
import { modelDigest } from '../models/model-digest.ts'
import { Random } from '../random/random.ts'
import { CopyGuard, guardFile } from '../sample/copy-guard.ts'
import { mergeText } from './merge-text.ts'
import { quantizeText } from './quantize-text.ts'
import { TextModel } from './text-model.ts'

const root = mkdtempSync(join(tmpdir(), 'atelier-merge-'))
const base = join(root, 'base')
const adapter = join(root, 'adapter')
const settings: CausalConfig = {
  vocabSize: 257,
  contextLength: 32,
  dModel: 16,
  nLayers: 1,
  nHeads: 2,
  nKvHeads: 1,
  dFf: 24,
  dropout: 0,
  tieEmbeddings: true,
  ropeTheta: 10_000,
  normEpsilon: 1e-5,
}

const drawn = (parameters: Iterable<{ readonly name: string; readonly shape: readonly number[] }>, seed: number) =>
  Object.fromEntries(
    [...parameters].map(({ name, shape }): [string, HostTensor] => {
      const data = new Float32Array(shape.reduce((a, b) => a * b, 1))
      Random.seed(seed).split(name).fillGaussian(data, 0.3)
      return [name, { dtype: 'float32', shape, data }]
    }),
  )

beforeAll(async () => {
  const model = new Decoder(settings)
  await saveModel(base, model, drawn(model.scope.parameters.values(), 1))
  await writeTokenizer(base, byteTokenizer(), settings.contextLength)
  const lora = new LoraModel(model, {
    rank: 2,
    scale: 8,
    dropout: 0,
    targets: loraTargets(model, ['q_proj', 'down_proj']),
  })
  await saveAdapter(adapter, lora, drawn(lora.adapters.parameters.values(), 2), { base })
})
afterAll(() => rmSync(root, { recursive: true }))

describe('an adapter', () => {
  it('writes with its base, by the base’s tokenizer, and as the two merged write', async () => {
    const out = join(root, 'merged')
    expect(await mergeText(adapter, { out })).toEqual({ out, architecture: 'decoder', rank: 2, matrices: 2 })
    const [apart, merged, plain] = await Promise.all(
      [adapter, out, base].map((one) => TextModel.load(one, { threads: 1 })),
    )
    const [made] = await apart!.complete(['Once'], { maxTokens: 12, seed: 5 })
    const asked = [made!.promptIds, made!.ids, false] as const
    const said = (await apart!.logProbability(...asked))!
    expect(await merged!.logProbability(...asked)).toBeCloseTo(said, 3)
    expect(Math.abs((await plain!.logProbability(...asked))! - said)).toBeGreaterThan(0.1)
    expect(new Set([await apart!.digest(), await plain!.digest(), await merged!.digest()]).size).toBe(3)
    for (const model of [apart, merged, plain]) await model!.release()
  })

  it('keeps to the guard of its base, which does not make it another, and hands it on', async () => {
    const [digest, out, guard] = [await modelDigest(adapter), join(root, 'guarded'), join(base, guardFile)]
    await CopyGuard.of(() => ['What stands here is long enough to be known again.']).write(guard)
    await mergeText(adapter, { out })
    expect(readFileSync(join(out, guardFile))).toEqual(readFileSync(guard))
    const model = await TextModel.load(adapter, { threads: 1 })
    expect(model.guard?.digest).toBe((await CopyGuard.read(guard)).digest)
    await model.release()
    expect(await modelDigest(adapter)).toBe(digest)
    rmSync(guard)
  })

  it('is another model on another base', async () => {
    const before = await modelDigest(adapter)
    const model = new Decoder(settings)
    await saveModel(base, model, drawn(model.scope.parameters.values(), 3))
    expect(await modelDigest(adapter)).not.toBe(before)
  })

  it('is refused in one line where a whole model is wanted, and the other way round', async () => {
    await expect(mergeText(base, { out: join(root, 'x') })).rejects.toThrow(
      /base is a whole model; name the folder of an adapter$/,
    )
    await expect(mergeText(adapter, { out: base })).rejects.toThrow(/base is there already; choose another --out$/)
    await expect(readCausalSource(adapter)).rejects.toThrow(
      /is an adapter; make one model of it and its base: atelier merge$/,
    )
    const small = quantizeText(adapter, { bits: 4, out: join(root, 'x') })
    await expect(small).rejects.toThrow(/adapter is an adapter; make one model of it and its base: atelier merge$/)
  })
})
