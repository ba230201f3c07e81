import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DType } from '../../src/graph/dtype.ts'
import { bytesPerElement, float32 } from '../../src/graph/dtype.ts'
import { createEngine } from '../../src/runtime/index.ts'
import { affineModel, encodeModel, unaryModel } from '../../src/runtime/testing/model.ts'
import type { RoundResult } from '../../src/train/gan-trainer.ts'
import { findChromium, launchChromium } from './chromium.ts'
import { decodeTinyDecoder } from './decode.ts'
import { duelTinyGan } from './duel.ts'
import type { ExerciseReport } from './exercise.ts'
import { exercise } from './exercise.ts'
import type { Job, JobResult } from './job.ts'
import { decode, encode, pack, runJob } from './job.ts'
import type { PageServer } from './server.ts'
import { servePage } from './server.ts'
import { trainTinyDecoder } from './train.ts'

const chromium = findChromium()

/** Milliseconds that WebGPU may take where the processor plays the graphics card. */
const slow = 240_000

/** y = x · w + b with both as initializers. */
const affine: Job = {
  model: encode(affineModel()),
  initializers: { w: pack(float32([1, 2, 3, 4, 5, 6], [3, 2])), b: pack(float32([10, 20], [2])) },
  buffers: { x: pack(float32([1, 1, 1, 1, 0, -1], [2, 3])), y: { dtype: 'float32', shape: [2, 2] } },
  bindings: [{ inputs: { x: 'x' }, outputs: { y: 'y' } }],
  steps: 1,
  watch: [],
  read: ['y'],
}

/** w ← w − rate · xᵀ(x · w − y): least squares by gradient descent, the state swapped between two buffers. */
const descent: Job = {
  model: encode(
    encodeModel({
      inputs: [
        ['x', 'float32', [4, 2]],
        ['y', 'float32', [4, 1]],
        ['w', 'float32', [2, 1]],
        ['rate', 'float32', []],
      ],
      outputs: [
        ['loss', 'float32', []],
        ['next', 'float32', [2, 1]],
      ],
      nodes: [
        ['MatMul', ['x', 'w'], ['prediction']],
        ['Sub', ['prediction', 'y'], ['error']],
        ['Mul', ['error', 'error'], ['squares']],
        ['ReduceMean', ['squares'], ['loss'], { keepdims: 0 }],
        ['Gemm', ['x', 'error'], ['gradient'], { transA: 1 }],
        ['Mul', ['gradient', 'rate'], ['change']],
        ['Sub', ['w', 'change'], ['next']],
      ],
    }),
  ),
  buffers: {
    x: pack(float32([1, 0, 0, 1, 1, 1, 2, -1], [4, 2])),
    y: pack(float32([3, -2, 1, 8], [4, 1])),
    even: pack(float32([0, 0], [2, 1])),
    odd: { dtype: 'float32', shape: [2, 1] },
    rate: pack(float32([0.05], [])),
    loss: { dtype: 'float32', shape: [] },
  },
  bindings: [
    { inputs: { x: 'x', y: 'y', w: 'even', rate: 'rate' }, outputs: { loss: 'loss', next: 'odd' } },
    { inputs: { x: 'x', y: 'y', w: 'odd', rate: 'rate' }, outputs: { loss: 'loss', next: 'even' } },
  ],
  steps: 60,
  watch: ['loss'],
  read: ['even'],
}

const dtypes = Object.keys(bytesPerElement) as DType[]
const identity = Object.fromEntries(dtypes.map((dtype) => [dtype, encode(unaryModel('Identity', dtype, [4]))]))

const expectedMessages = {
  'no model': /^createSession: ONNX Runtime says: /,
  'no weights': /^createSession: initializer [wb] has no data; pass it in the option initializers$/,
  'missing input': /^bind: input x is missing, wanted a buffer of float32 \[\?,3\]/,
  'unknown input': /^bind: the model has no input q, it has x/,
  'wrong shape': /^bind: input x got float32 \[2,2\], wanted float32 \[\?,3\]/,
  'wrong data': /^write: got 1 elements of Float32Array, wanted 6/,
  overlap: /^run: this binding is running/,
  'released buffer': /^read: this buffer float32 \[2\] has been released/,
  'released session': /^bind: this session has been released/,
}

async function runInNode(job: Job): Promise<JobResult> {
  const engine = await createEngine('cpu', { threads: 2 })
  try {
    return await runJob(engine, job)
  } finally {
    await engine.close()
  }
}

function expectReport({ carried, messages }: ExerciseReport): void {
  for (const dtype of dtypes) expect([dtype, carried[dtype]]).toEqual([dtype, [0, 1, 1, 0]])
  for (const [misuse, wanted] of Object.entries(expectedMessages)) expect(messages[misuse]).toMatch(wanted)
  for (const message of Object.values(messages)) expect(message).not.toContain('\n')
}

it("carries every dtype and says what is wrong in one line on Node's engine too", async () => {
  const engine = await createEngine('cpu', { threads: 2 })
  const decoded = Object.fromEntries(Object.entries(identity).map(([dtype, model]) => [dtype, decode(model)]))
  expectReport(await exercise(engine, { affine: affineModel(), identity: decoded }))
  await engine.close()
})

describe.skipIf(chromium === undefined)('engines in a page', () => {
  let server: PageServer
  let browser: Browser
  let page: Page

  beforeAll(async () => {
    server = await servePage()
    browser = await launchChromium(chromium ?? '')
    page = await browser.newPage()
    await page.goto(server.url)
    await page.waitForFunction('typeof runInPage === "function"')
  })
  afterAll(async () => {
    await browser?.close()
    await server?.close()
  })

  it('serves a cross-origin isolated page with a graphics adapter', async () => {
    expect(await page.evaluate('crossOriginIsolated')).toBe(true)
    expect(await page.evaluate('navigator.gpu.requestAdapter().then(Boolean)')).toBe(true)
  })

  it('refuses a second number of threads, which the library would pass over', async () => {
    expect(await page.evaluate('changeThreadsInPage()')).toMatch(
      /^createEngine: an engine of this page runs on \d+ threads, got \d+; reload the page to change them$/,
    )
  })

  it("decodes over caches with the processor's logits on wasm, and says that WebGPU cannot", async () => {
    const logits = await page.evaluate<number[][]>("decodeInPage('wasm')")
    const engine = await createEngine('cpu', { threads: 2 })
    const wanted = await decodeTinyDecoder(engine)
    await engine.close()
    expect(wanted.map((row) => row.length)).toEqual([24, 24])
    for (const [i, row] of wanted.entries())
      for (const [j, value] of row.entries()) expect(logits[i]?.[j]).toBeCloseTo(value, 5)
    await expect(page.evaluate("decodeInPage('webgpu')")).rejects.toThrow(
      'decode: the engine webgpu cannot extend caches in place; use cpu or wasm',
    )
  })

  describe.each(['wasm', 'webgpu'] as const)('%s', (name) => {
    const runInPage = (job: Job): Promise<JobResult> =>
      page.evaluate(`runInPage(${JSON.stringify(name)}, ${JSON.stringify(job)})`)

    const exerciseInPage = (engineName: string): Promise<ExerciseReport> =>
      page.evaluate(
        `exerciseInPage(${[engineName, encode(affineModel()), identity].map((part) => JSON.stringify(part))})`,
      )

    it("computes the processor's numbers with weights as initializers", async () => {
      const { description, read } = await runInPage(affine)
      expect(description).toMatchObject({ name, library: expect.stringMatching(/^onnxruntime-web \d/) })
      expect(read.y).toEqual([19, 32, 6, 16])
    })

    it('carries every dtype and says what is wrong in one line', async () => {
      expectReport(await exerciseInPage(name))
    })

    it("trains with the processor's losses, state swapped between buffers", async () => {
      const [inPage, inNode] = [await runInPage(descent), await runInNode(descent)]
      const [losses, wanted] = [inPage, inNode].map(({ watched }) => watched.loss?.flat() ?? [])
      expect(wanted?.at(-1)).toBeLessThan(1e-6)
      expect(losses).toHaveLength(descent.steps)
      for (const [step, loss] of (losses ?? []).entries()) expect(loss).toBeCloseTo(wanted?.[step] ?? Number.NaN, 5)
      for (const [i, weight] of [3, -2].entries()) expect(inPage.read.even?.[i]).toBeCloseTo(weight, 3)
    })

    it(
      "trains a decoder with the processor's losses",
      async () => {
        const steps = 20
        const losses = await page.evaluate<number[]>(`trainInPage(${JSON.stringify(name)}, ${steps})`)
        const engine = await createEngine('cpu', { threads: 2 })
        const wanted = await trainTinyDecoder(engine, steps)
        await engine.close()
        expect(losses).toHaveLength(steps)
        for (const [step, loss] of losses.entries()) expect(Math.abs(loss - (wanted[step] ?? 0))).toBeLessThan(1e-4)
        expect(losses.at(-1)).toBeLessThan(0.7 * (losses[0] ?? 0))
      },
      slow,
    )

    it(
      "plays rounds of a GAN, penalties' second derivatives included, with the processor's numbers",
      async () => {
        const rounds = 2
        const inPage = await page.evaluate<RoundResult[]>(`duelInPage(${JSON.stringify(name)}, ${rounds})`)
        const engine = await createEngine('cpu', { threads: 2 })
        const wanted = await duelTinyGan(engine, rounds)
        await engine.close()
        expect(inPage).toHaveLength(rounds)
        for (const [round, result] of wanted.entries())
          for (const [key, value] of Object.entries(result))
            expect(inPage[round]?.[key as keyof RoundResult], `${key} of round ${round}`).toBeCloseTo(value, 3)
      },
      slow,
    )
  })
})
