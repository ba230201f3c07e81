import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CheckpointError, ConfigError, DataError } from '../errors.ts'
import { createEngine } from '../runtime/index.ts'
import { CachedModel } from '../sample/cached-model.ts'
import type { TextArtifact } from './artifact.ts'
import { runToEnd, temporaryFolder, tinySizes, tinyText } from './testing/tiny-run.ts'
import { TextModel } from './text-model.ts'

const { fresh, file, remove } = temporaryFolder()
let model: TextModel

beforeAll(async () => {
  const data = [file('tiny.txt', tinyText(300))]
  const set = { ...tinySizes, evaluations: 1, learningRate: 0.005, contextLength: 48 }
  const { run } = await runToEnd({ data, out: fresh(), set, budget: { steps: 120 } })
  model = await TextModel.load(run, { threads: 2 })
})
afterAll(async () => {
  await model.release()
  remove()
})

/** What a text is, without the call that made it. */
const content = ({ text, ids, promptIds, logProbability, logProbabilities, finishReason }: TextArtifact) => ({
  text,
  ids,
  promptIds,
  logProbability,
  logProbabilities,
  finishReason,
})

describe('TextModel', () => {
  const settings = { maxTokens: 30, seed: 3, logProbabilities: true }

  it('the same seed writes the same text; another seed, or row, another', async () => {
    const first = await model.complete(['The old'], { ...settings, n: 3 })
    expect(await model.complete(['The old'], { ...settings, n: 3 })).toEqual(first)
    expect(new Set(first.map(({ text }) => text)).size).toBe(3)
    const [other] = await model.complete(['The old'], { ...settings, seed: 4 })
    expect(other!.text).not.toBe(first[0]!.text)
    expect(first[0]!.text).not.toContain('The old')
  })

  it('the first text of several prompts is, bit for bit, the text of the prompt alone', async () => {
    const prompts = ['The old', 'T', 'A quiet sea loves'].map((prompt) => prompt.replace('A', 'The'))
    const together = await model.complete(prompts, settings)
    const [alone] = await model.complete([prompts[0]!], settings)
    expect(content(together[0]!)).toEqual(content(alone!))
    expect(alone!.prompts).toBeUndefined()
    expect(together.map(({ prompt, row }) => [prompt, row])).toEqual(prompts.map((prompt, row) => [prompt, row]))
    for (const { prompts: all } of together) expect(all).toEqual(prompts)
  })

  it('streams the pieces of the text that it returns', async () => {
    const pieces = model.generate(['The'], { ...settings, n: 2 })
    const texts = ['', '']
    let next = await pieces.next()
    for (; !next.done; next = await pieces.next()) texts[next.value.row] += next.value.text
    expect(next.value.map(({ text }) => text)).toEqual(texts)
  })

  it('gives an artifact’s log-probability again, id by id', async () => {
    const [artifact] = await model.complete(['The queen'], settings)
    const { promptIds, ids, logProbability, logProbabilities } = artifact!
    expect(logProbabilities!.reduce((sum, value) => sum + value, 0)).toBeCloseTo(logProbability, 9)
    expect(await model.logProbability(promptIds, ids, false)).toBeCloseTo(logProbability, 4)
    expect(await model.logProbability(promptIds, [...ids, 10_000], false)).toBeUndefined()
    expect(await model.logProbability(promptIds, new Array(100).fill(0), false)).toBeUndefined()
  })

  it('stops when told to, with what it has', async () => {
    const stop = new AbortController()
    const pieces = model.generate(['The'], settings, { signal: stop.signal })
    await pieces.next()
    stop.abort()
    let next = await pieces.next()
    while (!next.done) next = await pieces.next()
    expect(next.value[0]).toMatchObject({ finishReason: 'aborted' })
    expect(next.value[0]!.tokens).toBeLessThan(30)
  })

  it('refuses prompts and settings that can’t be', async () => {
    await expect(model.complete([''])).rejects.toThrow(/no token that begins a text/)
    await expect(model.complete(['日本'])).rejects.toThrow(DataError)
    await expect(model.complete(['The '.repeat(20)])).rejects.toThrow(/at most the context's 48/)
    await expect(model.complete(['The'], { temperature: -1 })).rejects.toThrow(ConfigError)
    await expect(TextModel.load(fresh())).rejects.toThrow(CheckpointError)
  })
})

const stories = fileURLToPath(new URL('../../../shared/data/stories260K', import.meta.url))

describe('stories260K', () => {
  if (!existsSync(stories)) {
    it('is not on this machine: nothing to reproduce', () => expect(existsSync(stories)).toBe(false))
    return
  }
  const expected = JSON.parse(readFileSync(join(stories, 'expected.json'), 'utf8')) as {
    ids: number[]
    text: string
    logits_after_first: number[]
  }

  it('gives the logits and the ids of an independent implementation, and its text', async () => {
    const story = await TextModel.load(stories)
    const { architecture } = story.loaded
    const weights = await story.weights()
    const engine = await createEngine('cpu')
    const cached = await CachedModel.create(engine, architecture, { tensors: weights })
    const state = await cached.open({ batch: 1 })
    const logits = await state.append([[expected.ids[0]!]])
    for (const [id, value] of expected.logits_after_first.entries())
      expect(Math.abs(logits[id]! - value)).toBeLessThan(1e-3)
    state.release()
    await cached.release()
    await engine.close()
    const maxTokens = expected.ids.length - 1
    const [artifact] = await story.complete([''], { temperature: 0, topP: 1, maxTokens })
    expect([...artifact!.promptIds, ...artifact!.ids]).toEqual(expected.ids)
    expect(artifact!.text.replaceAll('\n', '<0x0A>').trim()).toBe(expected.text.replaceAll('\n', '<0x0A>').trim())
    await story.release()
  })
})
