import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ChatSource, chatMarks } from '../../data/chats.ts'
import { tokensInMemory } from '../../data/token-dataset.ts'
import { remakeArtifact } from '../remake.ts'
import { readRun } from '../run.ts'
import { remains, runToEnd, temporaryFolder, tinySizes, tinyText } from '../testing/tiny-run.ts'
import { TextModel } from '../text-model.ts'
import type { TrainTextOptions } from '../train-text.ts'

const { fresh, file, remove } = temporaryFolder()
afterAll(remove)

const colours = ['red', 'blue', 'green', 'black']
const things = ['sea', 'moon', 'road', 'cat', 'king', 'tree', 'rose', 'snow', 'fire', 'coal']
/** The answer is the thing's colour, which its place says. */
const said = things.flatMap((thing, i) =>
  ['The', 'A', 'My', 'One'].map((word) => [`${word} ${thing}?`, `${colours[i % colours.length]}.`] as const),
)
const lines = said.map(([prompt, completion], i) =>
  JSON.stringify(
    i % 2 === 0
      ? { prompt, completion }
      : {
          messages: [
            { role: 'user', content: prompt },
            { role: 'assistant', content: completion },
          ],
        },
  ),
)
const chats = file('chats.jsonl', `${lines.join('\n')}\n`)
let from: string

beforeAll(async () => {
  const data = [file('first.txt', tinyText(300))]
  const sizes = { ...tinySizes, nLayers: 1, contextLength: 64 }
  from = (await runToEnd({ data, out: fresh(), tokenizer: { kind: 'byte' }, budget: { steps: 2 }, set: sizes })).run
}, 60_000)

const tuned = (change: Partial<TrainTextOptions> = {}): TrainTextOptions => ({
  data: [chats],
  tokenizer: undefined as never,
  from,
  task: 'instruct',
  out: fresh(),
  budget: { steps: 6 },
  ...change,
  set: { batchSize: 8, warmupSteps: 2, evaluations: 2, learningRate: 0.01, ...change.set },
})

describe('instruct', () => {
  it('resumed = unbroken, bit for bit', async () => {
    const change = { set: { sampling: 'epochs', dropout: 0.1, accumulation: 2 }, lora: { rank: 2 } } as const
    const unbroken = tuned(change)
    await runToEnd(unbroken)
    const { out } = tuned()
    const abort = new AbortController()
    await runToEnd({ ...tuned(change), out, signal: abort.signal }, (event) => {
      if (event.type === 'step' && event.step === 3) abort.abort()
    })
    expect(await runToEnd({ out, resume: true })).toMatchObject({ steps: 6, stopped: false })
    const kept = 'adapter_model.safetensors'
    expect(remains(out, kept)).toEqual(remains(unbroken.out, kept))
  })

  it('learns to answer and to end there; the run is talked to by its template, and remade', async () => {
    const samples: string[] = []
    const result = await runToEnd(tuned({ budget: { steps: 120 }, set: { evaluations: 1 } }), (event) => {
      if (event.type === 'sample') samples.push(event.prompt)
    })
    expect(samples[0]).toMatch(/^User:\n.*\?\n\nAssistant:\n→ $/)
    expect(result.validationLoss).toBeLessThan(1.2)
    expect(result.bitsPerByte).toBeUndefined()
    expect((await readRun(result.run)).task).toBe('instruct')
    const config = JSON.parse(readFileSync(join(result.run, 'tokenizer_config.json'), 'utf8'))
    expect(config.chat_template).toContain('Assistant:')
    const model = await TextModel.load(result.run, { threads: 1 })
    const settings = { maxTokens: 12, temperature: 0 }
    const [answered] = await model.complete(['The sea?'], settings, { chat: {} })
    expect(answered).toMatchObject({ prompt: 'The sea?', finishReason: 'endOfText', chat: {} })
    expect(answered!.text).toMatch(/^(red|blue|green|black)\.$/)
    const [asked] = await model.complete(['The sea?'], settings, { chat: { system: 'Say.' } })
    const begins = model.tokenizer.decode(asked!.promptIds)
    expect(begins).toBe('Say.\n\nUser:\nThe sea?\n\nAssistant:\n')
    await model.release()
    const artifact = file('artifact.json', JSON.stringify({ artifacts: [answered, asked] }))
    expect((await remakeArtifact(artifact, { threads: 1 })).identical).toBe(true)
  })

  it('tells of conversations that are cut or left out', async () => {
    const notes: string[] = []
    const look = (event: { type: string; notes?: readonly string[] }) => notes.push(...(event.notes ?? []))
    const long = { prompt: 'b'.repeat(80), completion: 'c' }
    const data = [
      file(
        'long.jsonl',
        [...lines, JSON.stringify(long), JSON.stringify({ ...long, prompt: 'a', completion: 'd'.repeat(80) })].join(
          '\n',
        ),
      ),
    ]
    await runToEnd(tuned({ data, budget: { steps: 1 } }), look)
    expect(notes.join('; ')).toMatch(/of \d+ conversations/)
  })

  it('is refused in one line', async () => {
    const run = (change: Partial<TrainTextOptions>) => runToEnd(tuned(change))
    const data = (text: string) => ({ data: [file(`${text.length}.jsonl`, text)] })
    await expect(run({ from: undefined as never, tokenizer: { kind: 'byte' } })).rejects.toThrow(
      'instruct: a model learns to answer when it can write already; name one by --from',
    )
    await expect(run(data('{"messages":[{"role":"bot","content":"a"}]}\n'))).rejects.toThrow(
      /jsonl line 1, message 1: its role is "bot", wanted system, user, assistant$/,
    )
    await expect(run(data(`${lines[0]}\n`))).rejects.toThrow(
      'conversations: got 1 that are not empty, wanted at least 2',
    )
    await expect(run(data(''))).rejects.toThrow(/no document found/)
    await expect(run({ data: [file('plain.txt', 'hello')] })).rejects.toThrow(
      /plain\.txt: wanted conversations in rows of JSON lines, JSON, CSV or TSV; convert it$/,
    )
    await expect(run({ set: { contextLength: 8 } })).rejects.toThrow(
      /^instruct: none of \d+ conversations has an answer within contextLength 8; raise it, or shorten them$/,
    )
    const model = await TextModel.load(from, { threads: 1 })
    await expect(model.complete(['a'], {}, { chat: {} })).rejects.toThrow(/has no chat template/)
    await model.release()
  })
})

describe('ChatSource', () => {
  const { begins, answer } = chatMarks
  const ids = tokensInMemory([10, 11, 12, 13, 20, 21, 22, 30, 31, 32, 33, 34])
  const marks = Uint8Array.of(begins, 0, answer, answer, begins, 0, 0, begins, answer, 0, 0, answer)

  it('gives rows whose mask stands at the targets that the assistant says', () => {
    const source = new ChatSource(ids, marks, 4)
    expect([source.size, source.leftOut, source.cut, source.lengths]).toEqual([2, 1, 0, [4, 5]])
    const { tokens, mask } = source.batch([0, 1], { batchSize: 3, contextLength: 4 })
    expect([...tokens]).toEqual([10, 11, 12, 13, 0, 30, 31, 32, 33, 34, 0, 0, 0, 0, 0])
    expect([...mask]).toEqual([0, 1, 1, 0, 1, 0, 0, 1, 0, 0, 0, 0])
    expect([...source.opening(0)]).toEqual([10, 11])
  })

  it('cuts off the ends of those that are too long, and leaves out those without an answer before', () => {
    const source = new ChatSource(ids, marks, 1)
    expect([source.size, source.leftOut, source.cut]).toEqual([1, 2, 1])
    const { tokens, mask } = source.batch([0], { batchSize: 1, contextLength: 1 })
    expect([[...tokens], [...mask]]).toEqual([[30, 31], [1]])
    expect(
      () =>
        new ChatSource(
          ids,
          marks.map((mark) => mark & begins),
          4,
        ),
    ).toThrow(/^instruct: none of 3 conversations/)
  })
})
