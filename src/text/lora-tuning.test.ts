import { cpSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CheckpointError, ConfigError } from '../errors.ts'
import { loadAnyModel } from '../models/checkpoint.ts'
import { asAdapted } from '../models/lora.ts'
import { familyNamed } from '../models/registry.ts'
import { mergeText } from './merge-text.ts'
import { readRun } from './run.ts'
import { remains, runToEnd, temporaryFolder, tensorsOf, tinySizes, tinyText } from './testing/tiny-run.ts'
import { TextModel } from './text-model.ts'
import type { TextTrainEvent, TrainTextOptions } from './train-text.ts'

const { fresh, file, remove } = temporaryFolder()
afterAll(remove)

const text = file('first.txt', tinyText(300))
const letters = file('second.txt', tinyText(200, 9).replaceAll('The', 'Dear'))

const firsts = {
  decoder: { tokenizer: { kind: 'byte' } },
  gpt2: { architecture: 'gpt2', tokenizer: { kind: 'byte' }, set: { nKvHeads: 2 } },
  bert: { architecture: 'bert', tokenizer: { kind: 'wordpiece', vocabulary: 120 } },
  t5: { architecture: 't5', tokenizer: { kind: 'unigram', vocabulary: 500 } },
} as const satisfies Record<string, Partial<TrainTextOptions>>
type Name = keyof typeof firsts
const names = Object.keys(firsts) as Name[]
const bases = {} as Record<Name, string>

beforeAll(async () => {
  for (const name of names) {
    const { set = {}, ...first } = firsts[name] as Partial<TrainTextOptions>
    const options = { data: [text], out: fresh(), budget: { steps: 4 }, set: { ...tinySizes, nLayers: 1, ...set } }
    bases[name] = (await runToEnd({ ...first, ...options })).run
  }
}, 60_000)

const tuned = (name: Name, change: Partial<TrainTextOptions> = {}): TrainTextOptions => ({
  data: [letters],
  tokenizer: undefined as never,
  from: bases[name],
  lora: { rank: 2, alpha: 8 },
  out: fresh(),
  budget: { steps: 6 },
  ...change,
  set: { batchSize: 4, warmupSteps: 2, evaluations: 3, learningRate: 0.03, ...change.set },
})

async function lossesOf(options: TrainTextOptions): Promise<number[]> {
  const losses: number[] = []
  await runToEnd(options, (event: TextTrainEvent) => event.type === 'step' && losses.push(event.loss))
  return losses
}

describe.each(names)('an adapter of %s', (name) => {
  it('begins as the model, learns alone, and stands alone in the run', async () => {
    const options = tuned(name, { budget: { steps: 12 } })
    const losses = await lossesOf(options)
    const { lora: _, ...whole } = tuned(name, { budget: { steps: 1 } })
    expect(losses[0]).toBeCloseTo((await lossesOf(whole))[0]!, 5)
    expect(losses.at(-1)!).toBeLessThan(losses[0]! - 0.01)
    for (const file of ['config.json', 'model.safetensors']) expect(existsSync(join(options.out, file))).toBe(false)
    const kept = Object.keys(tensorsOf(readFileSync(join(options.out, 'adapter_model.safetensors'))))
    const state = Object.keys(tensorsOf(readFileSync(join(options.out, 'last', 'state.safetensors'))))
    const { lora } = await readRun(options.out)
    expect(kept).toHaveLength(2 * lora!.targets.length)
    expect(lora!.targets.length).toBeGreaterThan(0)
    for (const target of lora!.targets) expect(target).toMatch(/att(n|ention)\b/i)
    for (const one of [...kept, ...state]) expect(one).toMatch(/\.lora_[AB]\.weight$/)
    expect(state).toHaveLength(3 * kept.length)
  })

  it('resumed = unbroken, bit for bit', { timeout: 150_000 }, async () => {
    const change = { lora: { rank: 2, dropout: 0.2 }, set: { emaDecay: 0.9, evaluations: 1 } } as const
    const unbroken = tuned(name, change)
    await runToEnd(unbroken)
    const { out } = tuned(name)
    const abort = new AbortController()
    const stopped = await runToEnd({ ...tuned(name, change), out, signal: abort.signal }, (event) => {
      if (event.type === 'step' && event.step === 3) abort.abort()
    })
    expect(stopped).toMatchObject({ steps: 3, stopped: true })
    expect(await runToEnd({ out, resume: true })).toMatchObject({ steps: 6, stopped: false })
    const kept = 'adapter_model.safetensors'
    expect(remains(out, kept)).toEqual(remains(unbroken.out, kept))
  })

  it('writes from its run as merged with the model, and not as the model', async () => {
    const { run } = await runToEnd(tuned(name, { lora: { rank: 2, modules: 'all' }, budget: { steps: 12 } }))
    const out = fresh()
    const merged = await mergeText(run, { out })
    expect(merged).toMatchObject({ architecture: name, rank: 2 })
    const { architecture } = await loadAnyModel(familyNamed(name), run)
    expect(merged.matrices).toBe(asAdapted(architecture)!.lora.targets.length)
    const said = async (folder: string) => {
      const model = await TextModel.load(folder, { threads: 1 })
      const settings = { temperature: 0, maxTokens: 6, topLogProbabilities: 3 }
      const [made] = await model.complete(['The old cat'], settings)
      await model.release()
      return { text: made!.text, top: made!.top!.flat().map(({ logProbability }) => logProbability) }
    }
    const [apart, together, plain] = [await said(run), await said(out), await said(bases[name])]
    expect(apart.text).toBe(together.text)
    expect(apart.top.length).toBeGreaterThan(2)
    for (const [i, value] of apart.top.entries()) expect(value).toBeCloseTo(together.top[i]!, 3)
    expect(apart.top.some((value, i) => Math.abs(value - plain.top[i]!) > 0.01)).toBe(true)
  })
})

describe('is refused in one line', () => {
  it.each([
    [{ from: undefined, tokenizer: { kind: 'byte' } }, 'lora: there is no model to adapt; name one by --from'],
    [{ lora: { modules: ['c_attn'] } }, /^lora: no linear layer is called c_attn; this model has q_proj, k_proj/],
    [{ lora: { rank: 0 } }, 'lora: rank is 0, wanted a whole number from 1'],
    [{ lora: { alpha: 0 } }, 'lora: alpha is 0, wanted a number above 0'],
    [{ lora: { dropout: 1 } }, 'lora: dropout is 1, wanted 0 up to but not 1'],
  ] as const)('%j', async (change, message) => {
    const options = tuned('decoder', change as never)
    await expect(runToEnd(options)).rejects.toThrow(message)
    await expect(runToEnd(options)).rejects.toThrow(ConfigError)
  })

  it('an adapter whose model changed since, to write, to resume, to begin from', async () => {
    const from = fresh()
    cpSync(bases.decoder, from, { recursive: true })
    const { run } = await runToEnd(tuned('decoder', { from }))
    await expect(runToEnd(tuned('decoder', { from: run }))).rejects.toThrow(
      /is an adapter; make one model of it and its base: atelier merge$/,
    )
    const config = join(from, 'config.json')
    writeFileSync(config, `${readFileSync(config, 'utf8')}\n`)
    await expect(TextModel.load(run)).rejects.toThrow(CheckpointError)
    await expect(TextModel.load(run)).rejects.toThrow(
      /it adapts model [0-9a-f]{16}…, but .* is [0-9a-f]{16}… by now; put the first one back there, or train another adapter$/,
    )
    await expect(runToEnd({ out: run, resume: true, budget: { steps: 9 } })).rejects.toThrow(/now it is [0-9a-f]{16}…/)
  })
})
