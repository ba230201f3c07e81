import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PeerGpt } from '../../bench/models/peer-gpt.ts'
import { decodeSafetensors } from '../../src/files/safetensors.ts'
import { float32, type HostTensor } from '../../src/graph/dtype.ts'
import { gradients } from '../../src/graph/gradient.ts'
import { crossEntropy } from '../../src/graph/operations/loss.ts'
import { mean } from '../../src/graph/operations/reduce.ts'
import { reshape, slice } from '../../src/graph/operations/shape.ts'
import { input, type Tensor } from '../../src/graph/tensor.ts'
import { readFixture } from '../../src/graph/testing/fixture.ts'
import { dataOf, evaluate } from '../../src/graph/testing/program.ts'
import { expectClose } from '../../src/graph/testing/tolerance.ts'
import { loadModel } from '../../src/models/checkpoint.ts'
import type { Parameter } from '../../src/nn/parameters.ts'
import { adamW } from '../../src/optim/adamw.ts'
import type { Engine } from '../../src/runtime/engine.ts'
import { createEngine } from '../../src/runtime/index.ts'
import { fusedStep, nextName } from '../../src/train/step.ts'

interface Expected {
  readonly ids: readonly (readonly number[])[]
  readonly logits: readonly number[]
  readonly loss: number
  readonly steps: readonly (readonly [loss: number, norm: number])[]
}

let engine: Engine

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 2 })
})
afterAll(() => engine.close())

const path = (name: string) => fileURLToPath(new URL(`../fixtures/models/${name}`, import.meta.url))
const expectedOf = (name: string) => readFixture<Expected>(`models/${name}/expected.json`)
const tensorsOf = (name: string) => decodeSafetensors(readFileSync(path(name))).tensors

/** Mean cross-entropy of every next id of int32 `tokens` [B, T + 1]. */
function nextIdLoss(model: { logits(ids: Tensor): Tensor }, tokens: Tensor): Tensor {
  const [B, T] = [Number(tokens.shape[0]), Number(tokens.shape[1]) - 1]
  const logits = model.logits(slice(tokens, 1, 0, T))
  return mean(crossEntropy(reshape(logits, [B * T, -1]), reshape(slice(tokens, 1, 1, T + 1), [B * T])))
}

/** The peers hold q, k and v as one matrix, ours as three: the same products. */
function apart(tensors: Readonly<Record<string, HostTensor>>): Record<string, HostTensor> {
  const parts = Object.entries(tensors).flatMap(([name, tensor]) => {
    if (!name.endsWith('qkv.weight')) return [[name, tensor] as const]
    const [rows, columns] = [tensor.shape[0]! / 3, tensor.shape[1]!]
    return ['q', 'k', 'v'].map((part, i) => {
      const data = (tensor.data as Float32Array).subarray(i * rows * columns, (i + 1) * rows * columns)
      return [name.replace('qkv', part), float32(data, [rows, columns])] as const
    })
  })
  return Object.fromEntries(parts)
}

const tensorsIn = (parameters: ReadonlyMap<string, Parameter>) => [...parameters.values()].map(({ tensor }) => tensor)

describe("the same as transformers', from its own files", () => {
  it.each(['llama', 'llama-tied', 'gpt2'])('%s: logits to 1e-5', async (name) => {
    const { ids, logits } = expectedOf(name)
    const { architecture, weights } = await loadModel(path(name))
    const tokens = input('ids', 'int32', [ids.length, ids[0]!.length])
    const feeds = { ...dataOf(weights), ids: Int32Array.from(ids.flat()) }
    const got = await evaluate(engine, { y: architecture.logits(tokens) }, feeds)
    expectClose(got.y!, logits, { relative: 1e-5, absolute: 1e-5 })
    const plain = await evaluate(engine, { y: architecture.logits(tokens) }, feeds, { provider: 'webgpu' })
    expectClose(plain.y!, logits, { relative: 1e-5, absolute: 1e-5 })
  })

  it('one whole AdamW step of the Llama: loss, gradient norm and every parameter', async () => {
    const { ids, steps } = expectedOf('llama')
    const { architecture, weights } = await loadModel(path('llama'))
    const { parameters } = architecture.scope
    const optimizer = adamW({ beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1 })
    const loss = nextIdLoss(architecture, input('ids', 'int32', [2, 7]))
    const { outputs } = fusedStep(loss, { parameters, optimizer, gradientClip: 0.5 })
    const zeros = [...parameters.values()].flatMap(({ name }) =>
      ['moment1', 'moment2'].map((slot) => [`optimizer.${slot}.${name}`, weights[name]!.data.map(() => 0 as never)]),
    )
    const scalars = Object.entries(optimizer.scalars(1, 1e-2)).map(([name, value]) => [name, Float32Array.of(value)])
    const feeds = {
      ...dataOf(weights),
      ids: Int32Array.from(ids.flat()),
      ...Object.fromEntries([...zeros, ...scalars]),
    }
    const got = await evaluate(engine, outputs, feeds)
    expectClose([got.loss![0] as number, got.gradientNorm![0] as number], steps[0]!)
    const after = tensorsOf('llama/after-1.safetensors')
    expect(Object.keys(after).sort()).toEqual([...parameters.keys()].sort())
    for (const [name, { data }] of Object.entries(after))
      expectClose(got[nextName(name)]!, data, { relative: 1e-5, absolute: 2e-6, what: name })
  })

  it("the peers' GPT that speed is compared on: logits, loss and every gradient", async () => {
    const { ids, logits, loss } = expectedOf('peer')
    const model = new PeerGpt({ vocabulary: 13, context: 8, width: 16, layers: 2, heads: 2 })
    const { parameters } = model.scope
    const tokens = input('ids', 'int32', [2, 7])
    const ours = nextIdLoss(model, tokens)
    const wrt = gradients(ours, tensorsIn(parameters))
    const named = [...parameters.keys()].map((name, i) => [`gradient.${name}`, wrt[i]!] as const)
    const weights = apart(tensorsOf('peer/model.safetensors'))
    expect(Object.keys(weights).sort()).toEqual([...parameters.keys()].sort())
    const graph = { loss: ours, logits: model.logits(tokens), ...Object.fromEntries(named) }
    const got = await evaluate(engine, graph, { ...dataOf(weights), ids: Int32Array.from(ids.flat()) })
    expectClose(got.logits!, logits, { relative: 1e-5, absolute: 1e-5 })
    expectClose(got.loss!, [loss])
    for (const [name, { data }] of Object.entries(apart(tensorsOf('peer/gradients.safetensors'))))
      expectClose(got[`gradient.${name}`]!, data, { relative: 2e-5, absolute: 5e-6, what: name })
  })
})
