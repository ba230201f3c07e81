import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CheckpointError, ConfigError, DataError } from '../errors.ts'
import type { TextArtifact } from './artifact.ts'
import { remakeArtifact } from './remake.ts'
import { runToEnd, temporaryFolder, tinySizes, tinyText } from './testing/tiny-run.ts'
import { TextModel } from './text-model.ts'

const { fresh, file, remove } = temporaryFolder()
afterAll(remove)

const recordOf = (artifact: unknown) => file('artifact.json', JSON.stringify(artifact, null, 2))

describe('remakeArtifact', () => {
  let run: string
  let several: TextArtifact[]
  let searched: TextArtifact[]
  let one: TextArtifact

  beforeAll(async () => {
    const data = [file('tiny.txt', tinyText(300))]
    const set = { ...tinySizes, contextLength: 64, evaluations: 1, learningRate: 0.005 }
    ;({ run } = await runToEnd({ data, out: fresh(), set, budget: { steps: 100 } }))
    const model = await TextModel.load(run, { threads: 2 })
    several = await model.complete(['The old', 'T', 'The queen'], { n: 2, maxTokens: 30, seed: 9, topK: 12 })
    searched = await model.complete(['The old'], { n: 2, beams: 3, maxTokens: 20, topLogProbabilities: 2 })
    ;[one] = (await model.complete(['The sea'], { maxTokens: 40, temperature: 1, seed: 2 })) as [TextArtifact]
    await model.release()
  })

  it('makes the same again, from each record alone and from all together', async () => {
    for (const artifact of [one, several[3], searched[1]]) {
      const { identical, remakes } = await remakeArtifact(recordOf(artifact))
      expect(identical).toBe(true)
      expect(remakes[0]).toMatchObject({ differing: [], changed: [], logProbabilityDifference: 0 })
      expect(remakes[0]!.remade).toEqual(artifact)
    }
    const all = await remakeArtifact(recordOf({ artifacts: [...several, ...searched, one], tokensPerSecond: 1 }))
    expect(all.identical).toBe(true)
    expect(all.remakes.map(({ remade }) => remade)).toEqual([...several, ...searched, one])
  })

  it('makes again what was aborted, as far as it came', async () => {
    const model = await TextModel.load(run, { threads: 2 })
    const stop = new AbortController()
    const pieces = model.generate(['The'], { maxTokens: 40 }, { signal: stop.signal })
    await pieces.next()
    stop.abort()
    let next = await pieces.next()
    while (!next.done) next = await pieces.next()
    await model.release()
    expect(next.value[0]!.finishReason).toBe('aborted')
    expect((await remakeArtifact(recordOf(next.value[0]))).identical).toBe(true)
  })

  it('makes again what was aborted under settings that look at how much room is left', async () => {
    const model = await TextModel.load(run, { threads: 2 })
    const cases = [
      [{ regex: '[a-zA-Z ]{30,36}' }, {}],
      [{ minTokens: 20 }, {}],
      [{ temperature: 1, seed: 1 }, { speculation: { lookup: 6 } }],
      [{ beams: 3, n: 2 }, {}],
      [{ beams: 16, n: 16, regex: ' |[a-zA-Z]{30,36}' }, {}],
    ] as const
    for (const [settings, how] of cases) {
      const made = await model.complete(['The'], { maxTokens: 40, ...settings }, { abortAfter: 9, ...how })
      const cut = made.filter(({ finishReason }) => finishReason === 'aborted')
      expect(new Set(cut.map(({ tokens }) => tokens))).toEqual(new Set([9]))
      expect(cut.length < made.length).toBe('beams' in settings && 'regex' in settings)
      expect((await remakeArtifact(recordOf({ artifacts: made }))).identical).toBe(true)
    }
    await model.release()
  })

  it('makes again one that ended beside one that was cut short', async () => {
    const model = await TextModel.load(run, { threads: 2 })
    const asked = { seed: 4, maxTokens: 12, minTokens: 12 }
    const [ended] = await model.complete(['The'], asked)
    const [cut] = await model.complete(['The'], asked, { abortAfter: 7 })
    await model.release()
    expect([ended!.finishReason, cut!.finishReason]).toEqual(['length', 'aborted'])
    expect((await remakeArtifact(recordOf({ artifacts: [ended, cut] }))).identical).toBe(true)
  })

  it('makes again what was guessed ahead, by its guesser, and says how many guesses stood', async () => {
    const model = await TextModel.load(run)
    const draft = await TextModel.load(run)
    for (const speculation of [{ lookup: 3 }, { draft }]) {
      const settings = { seed: 5, maxTokens: 40, temperature: 1 }
      const made = await model.complete(['The ', 'The '], settings, { speculation })
      const { guessed, accepted } = made[0]!.speculation!
      expect(accepted).toBeLessThanOrEqual(guessed)
      if ('draft' in speculation) expect(accepted).toBeGreaterThan(0)
      const result = await remakeArtifact(recordOf({ artifacts: made }))
      expect(result.identical).toBe(true)
      expect(result.remakes[0]!.remade.speculation).toEqual(made[0]!.speculation)
    }
    const greedy = { temperature: 0, topP: 1, maxTokens: 30 }
    const [plain, quick] = [
      await model.complete(['The '], greedy),
      await model.complete(['The '], greedy, { speculation: { draft } }),
    ]
    expect(quick[0]!.text).toBe(plain[0]!.text)
    await draft.release()
    await model.release()
  })

  it('detects what was changed in the text alone', async () => {
    const { remakes } = await remakeArtifact(recordOf({ ...one, text: one.text.toUpperCase() }))
    expect(remakes[0]).toMatchObject({ identical: false, differing: ['text'], logProbabilityDifference: 0 })
    expect(remakes[0]!.firstDifferentToken).toBeUndefined()
  })

  it('detects changed ids: where, and how far apart', async () => {
    const ids = one.ids.map((id, i) => (i === 5 ? (id + 1) % 20 : id))
    const changed = (await remakeArtifact(recordOf({ ...one, ids }))).remakes[0]!
    expect(changed).toMatchObject({ identical: false, differing: ['ids'], firstDifferentToken: 5 })
    expect(changed.logProbabilityDifference).toBeGreaterThan(0.1)
    const cut = (await remakeArtifact(recordOf({ ...one, ids: one.ids.slice(0, -3) }))).remakes[0]!
    expect(cut.firstDifferentToken).toBe(one.ids.length - 3)
    const foreign = (await remakeArtifact(recordOf({ ...one, ids: [100_000] }))).remakes[0]!
    expect(foreign).toMatchObject({ identical: false, firstDifferentToken: 0 })
    expect(foreign.logProbabilityDifference).toBeUndefined()
  })

  it('detects another seed, prompt or number, and says what around it has changed', async () => {
    const settings = { ...one.settings, seed: 3 }
    expect((await remakeArtifact(recordOf({ ...one, seed: 3, settings }))).identical).toBe(false)
    expect((await remakeArtifact(recordOf({ ...one, prompt: 'The moon' }))).identical).toBe(false)
    const number = await remakeArtifact(recordOf({ ...one, logProbability: one.logProbability + 1e-9 }))
    expect(number.remakes[0]!.differing).toEqual(['logProbability'])
    expect(number.remakes[0]!.logProbabilityDifference).toBeCloseTo(1e-9, 12)
    const engine = { ...one.engine, library: 'onnxruntime-node 0.9.0', platform: 'linux-arm64 neon' }
    const elsewhere = await remakeArtifact(recordOf({ ...one, engine, atelier: '0.0.1' }), { threads: 1 })
    expect(elsewhere.remakes[0]!.changed.map(({ what }) => what)).toEqual(['library', 'platform', 'threads', 'atelier'])
    expect(elsewhere.remakes[0]!.changed[2]).toEqual({ what: 'threads', recorded: '2', here: '1' })
  })

  it('finds a model that moved by option, and refuses another', async () => {
    const moved = fresh()
    cpSync(run, moved, { recursive: true })
    const lost = recordOf({ ...one, model: { ...one.model, path: join(moved, 'gone') } })
    expect((await remakeArtifact(lost, { model: moved })).identical).toBe(true)
    await expect(remakeArtifact(lost)).rejects.toThrow(/the model's folder .*gone is gone.*--model/)
    const weights = join(moved, 'model.safetensors')
    const bytes = readFileSync(weights)
    bytes[bytes.length - 1]! ^= 1
    writeFileSync(weights, bytes)
    await expect(remakeArtifact(recordOf(one), { model: moved })).rejects.toThrow(CheckpointError)
    await expect(remakeArtifact(recordOf(one), { model: moved })).rejects.toThrow(/made by [0-9a-f]{16}….*--model/)
  })

  it('refuses in one line what is no artifact', async () => {
    for (const value of [{}, [], { artifacts: [] }, { ...one, ids: ['a'] }, { ...one, format: 'other' }]) {
      const error: Error = await remakeArtifact(recordOf(value)).then(
        () => new Error('it was taken'),
        (caught) => caught,
      )
      expect(error).toBeInstanceOf(DataError)
      expect(error.message).not.toContain('\n')
    }
    await expect(remakeArtifact(file('broken.json', '{"format": '))).rejects.toThrow(DataError)
    await expect(remakeArtifact(fresh())).rejects.toThrow(DataError)
    await expect(remakeArtifact(recordOf({ ...one, row: 7 }))).rejects.toThrow(/names row 7, its call makes 1 text/)
    const wrong = recordOf({ ...one, settings: { ...one.settings, topP: 7 } })
    await expect(remakeArtifact(wrong)).rejects.toThrow(ConfigError)
    await expect(remakeArtifact(recordOf({ ...one, finishReason: 'aborted', ids: [] }))).rejects.toThrow(
      /nothing to remake/,
    )
  })
})
