import { afterAll, beforeAll, expect, it } from 'vitest'
import { Random } from '../../random/random.ts'
import type { Engine } from '../../runtime/engine.ts'
import { createEngine } from '../../runtime/index.ts'
import { allocate, type DType, sizeOf, type TypedArray } from '../dtype.ts'
import * as g from '../index.ts'
import { compile, type Values } from '../testing/program.ts'

/*
 * Every operation, with its gradient, on tensors large enough that ONNX Runtime shares the work between threads:
 * the same inputs must give the same bits. Adding with repeated indices is where engines fail this.
 */

let engine: Engine

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 2 })
})
afterAll(() => engine.close())

const rows = 192
const columns = 256
/** [192, 256], enough elements for two threads in every kernel. */
const [x, y] = ['x', 'y'].map((name) => g.input(name, 'float32', [rows, columns])) as [g.Tensor, g.Tensor]
const [positive, tall] = [g.input('positive', 'float32', [rows, columns]), g.input('tall', 'float32', [4096, 32])]
const cube = g.input('cube', 'float32', [4, 96, 4, 32])
/** Channels enough for several groups, places enough for several threads. */
const picture = g.input('picture', 'float32', [8, 32, 16, 16])
const kernel = g.input('kernel', 'float32', [32, 16, 3, 3])
const vector = g.input('vector', 'float32', [columns])
const [u, v] = ['u', 'v'].map((name) => g.input(name, 'uint32', [rows, columns])) as [g.Tensor, g.Tensor]
/** 4,096 ids below 16: each is repeated about 256 times. */
const ids = g.input('ids', 'int32', [4096])
const perRow = g.input('perRow', 'int32', [rows])
const angles = g.input('angles', 'float32', [96, 16])
const mask = g.less(x, y)

const raw = (row: string, inputs: g.Tensor[], attributes: object = {}) =>
  g.apply(g.operations.get(row) as unknown as g.Operation, inputs, attributes)[0]!

const cached = (() => {
  const cache = (name: string) => g.input(name, 'float32', [4, 2, 96, 32])
  const flat = g.slice(g.reshape(cube, [4, 96, 128]), 1, 0, 1)
  const inputs = { q: flat, k: g.slice(flat, 2, 0, 64), v: g.slice(flat, 2, 64, 128), pastKeys: cache('pastKeys') }
  const positions = { lastPosition: g.input('lastPosition', 'int32', [4]), total: g.input('total', 'int32', []) }
  return g.cachedAttention(
    { ...inputs, ...positions, pastValues: cache('pastValues') },
    { nHeads: 4, nKvHeads: 2, scale: 1 },
  )
})()

const large: Readonly<Record<string, g.Tensor>> = {
  placeholder: x,
  constant: g.mul(x, 2),
  neg: g.neg(x),
  exp: g.exp(x),
  log: g.log(positive),
  sqrt: g.sqrt(positive),
  reciprocal: g.reciprocal(positive),
  tanh: g.tanh(x),
  sigmoid: g.sigmoid(x),
  erf: g.erf(x),
  abs: g.abs(x),
  sign: g.sign(x),
  sin: g.sin(x),
  cos: g.cos(x),
  softplus: g.softplus(x),
  relu: g.relu(x),
  silu: g.silu(x),
  gelu: g.gelu(x, true),
  reluSquared: g.reluSquared(x),
  cast: g.cast(x, 'int32'),
  stopGradient: g.add(g.stopGradient(x), x),
  add: g.add(x, vector),
  sub: g.sub(x, vector),
  mul: g.mul(x, vector),
  div: g.div(x, positive),
  pow: g.pow(positive, y),
  maximum: g.maximum(x, vector),
  minimum: g.minimum(x, vector),
  equal: g.equal(g.cast(x, 'int32'), g.cast(y, 'int32')),
  less: mask,
  greater: g.greater(x, y),
  logicalNot: g.logicalNot(mask),
  logicalAnd: g.logicalAnd(mask, g.less(x, 0)),
  logicalOr: g.logicalOr(mask, g.less(x, 0)),
  bitXor: g.bitXor(u, v),
  bitOr: g.bitOr(u, v),
  bitAnd: g.bitAnd(u, v),
  shiftLeft: g.shiftLeft(u, 7),
  shiftRight: g.shiftRight(u, 7),
  where: g.where(mask, x, vector),
  sum: g.sum(x, { axes: [0] }),
  mean: g.mean(x),
  max: g.max(x, { axes: [-1] }),
  logSumExp: g.logSumExp(x, { axes: [0] }),
  argMax: g.argMax(x),
  reshape: g.reshape(x, [columns, rows]),
  transpose: g.transpose(x),
  broadcastTo: g.broadcastTo(vector, [rows, columns]),
  concat: g.concat([x, y], 1),
  slice: g.slice(x, 1, 3, 200),
  split: g.mul(...(g.split(x, 1, [128, 128]) as [g.Tensor, g.Tensor])),
  last: g.last(x, 0),
  pad: g.pad(x, 1, 5, 9),
  matmul: g.matmul(x, y, { transposeB: true }),
  gather: g.gather(tall, ids),
  scatterAdd: g.add(g.scatterAdd(tall, ids, 16), g.slice(g.scatterAdd(tall, ids, 2000), 0, 0, 16)),
  pick: g.pick(x, perRow),
  softmax: g.softmax(x),
  logSoftmax: g.logSoftmax(x),
  rmsNorm: g.rmsNorm(x, vector),
  layerNorm: g.layerNorm(x, vector, vector),
  crossEntropy: g.crossEntropy(x, perRow),
  addToPicked: raw('addToPicked', [x, perRow, g.slice(vector, 0, 0, rows)]),
  attention: g.attention(cube, g.slice(cube, 2, 0, 2), g.slice(cube, 2, 2, 4), { causal: true }),
  rotary: g.rotary(cube, g.cos(angles), g.sin(angles)),
  cachedAttention: cached[0],
  conv2d: g.conv2d(picture, kernel, { padding: 1, groups: 2 }),
  conv2dInputGradient: g.conv2dTranspose(picture, kernel, [32, 32], { padding: 1, stride: 2, groups: 2 }),
  conv2dWeightGradient: raw('conv2dWeightGradient', [picture, picture], {
    ...g.attributesOf({ padding: 1, groups: 2 }),
    size: [3, 3],
  }),
  averagePool2d: g.averagePool2d(picture, { kernel: 3, stride: 2, padding: 1 }),
  maxPool2d: g.maxPool2d(picture, { kernel: 3, stride: 2, padding: 1 }),
  repeat2d: g.repeat2d(picture, 2),
  leakyRelu: g.leakyRelu(picture, 0.2),
  leakySlope: raw('leakySlope', [picture], { slope: 0.2 }),
}

const differentiable = [x, y, positive, tall, cube, vector, picture, kernel]
const inferenceOnly = ['cachedAttention', 'maxPool2d']

function withGradients(row: string): Record<string, g.Tensor> {
  const out = large[row]!
  if (out.dtype !== 'float32' || inferenceOnly.includes(row)) return { out }
  const found = g.gradients(g.sum(g.mul(out, g.sin(out))), differentiable)
  return { out, ...Object.fromEntries(found.map((tensor, i) => [`gradient${i}`, tensor])) }
}

function feeds(): Values {
  const random = Random.seed(11)
  const fill = (dtype: DType, shape: readonly number[], draw: () => number) => {
    const data = allocate(dtype, sizeOf(shape))
    for (let i = 0; i < data.length; i++) data[i] = draw()
    return data
  }
  const floats: [string, number[]][] = [
    ['x', [rows, columns]],
    ['y', [rows, columns]],
    ['tall', [4096, 32]],
    ['cube', [4, 96, 4, 32]],
    ['vector', [columns]],
    ['picture', [8, 32, 16, 16]],
    ['kernel', [32, 16, 3, 3]],
    ['angles', [96, 16]],
    ['pastKeys', [4, 2, 96, 32]],
    ['pastValues', [4, 2, 96, 32]],
  ]
  const values: Record<string, TypedArray> = {}
  for (const [name, shape] of floats) values[name] = fill('float32', shape, () => random.gaussian())
  values.positive = fill('float32', [rows, columns], () => 0.5 + random.uniform())
  for (const name of ['u', 'v']) values[name] = fill('uint32', [rows, columns], () => random.uint32())
  values.ids = fill('int32', [4096], () => random.integer(16))
  values.perRow = fill('int32', [rows], () => random.integer(columns))
  values.lastPosition = Int32Array.of(3, 60, 94, 95)
  values.total = Int32Array.of(96)
  return values
}

const data = feeds()
const bytes = ({ buffer, byteOffset, byteLength }: TypedArray) => Buffer.from(buffer, byteOffset, byteLength)

it('covers every row of the table', () => {
  expect(Object.keys(large).sort()).toEqual([...g.operations.keys()].sort())
})

it.each(Object.keys(large))('%s is the same bit for bit every time, with two threads', async (row) => {
  const program = await compile(engine, withGradients(row))
  const first = await program.run(data)
  for (const [name, value] of Object.entries(first))
    expect(value.some((element) => Number(element) !== 0) || name.startsWith('gradient'), name).toBe(true)
  for (let again = 0; again < 3; again++)
    for (const [name, value] of Object.entries(await program.run(data)))
      expect(bytes(value).equals(bytes(first[name]!)), name).toBe(true)
  await program.release()
})
