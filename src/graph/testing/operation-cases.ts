import * as g from '../index.ts'
import { pictureCases } from './picture-cases.ts'
import { type Build, cases, type OperationCase, raw } from './recorded-cases.ts'

const unary: readonly [string, Build, ...string[]][] = [
  ['neg', g.neg],
  ['exp', g.exp],
  ['log', g.log],
  ['sqrt', g.sqrt],
  ['reciprocal', g.reciprocal],
  ['tanh', g.tanh, 'tanh of extremes'],
  ['sigmoid', g.sigmoid, 'sigmoid of extremes'],
  ['erf', g.erf, 'erf of extremes'],
  ['abs', g.abs],
  ['sign', g.sign],
  ['sin', g.sin],
  ['cos', g.cos],
  ['softplus', g.softplus, 'softplus of extremes'],
  ['relu', g.relu, 'relu of extremes'],
  ['silu', g.silu, 'silu of extremes'],
  ['reluSquared', g.reluSquared],
]

const elementwise = [
  ...unary.flatMap(([row, f, ...more]) => cases(row, (x) => f(x!), [row, ...more])),
  ...cases('gelu', (x) => g.gelu(x!), ['gelu', ['gelu by tanh', (x) => g.gelu(x!, true)], 'gelu of extremes']),
  ...cases('cast', (x) => g.cast(x!, 'float32'), [
    ['cast to int32', (x) => g.cast(x!, 'int32')],
    ['cast to bool', (x) => g.cast(x!, 'bool')],
    'cast from int64',
  ]),
]

const broadcasts = ['', ' broadcast along the front', ' broadcast both ways', ' with a scalar']
const binary: readonly [string, typeof g.add, ...string[]][] = [
  ['add', g.add, 'add int64', 'add uint32'],
  ['sub', g.sub, 'sub uint32'],
  ['mul', g.mul, 'mul uint32'],
  ['div', g.div, 'div int32', 'div uint32'],
  ['pow', g.pow],
  ['maximum', g.maximum, 'maximum of ties'],
  ['minimum', g.minimum],
]

const pairs = [
  ...binary.flatMap(([row, f, ...more]) =>
    cases(row, (x, y) => f(x!, y!), [...broadcasts.map((what) => row + what), ...more]),
  ),
  ...cases('pow', (x) => g.pow(x!, 3), ['pow by a number']),
]

const comparing = [
  ...cases('equal', (x, y) => g.equal(x!, y!), ['equal', 'equal int64', 'equal uint32']),
  ...cases('less', (x, y) => g.less(x!, y!), ['less', 'less uint32']),
  ...cases('greater', (x, y) => g.greater(x!, y!), ['greater', 'greater int32']),
  ...cases('logicalNot', (x) => g.logicalNot(x!), ['logicalNot']),
  ...cases('logicalAnd', (x, y) => g.logicalAnd(x!, y!), ['logicalAnd']),
  ...cases('logicalOr', (x, y) => g.logicalOr(x!, y!), ['logicalOr']),
  ...cases('bitXor', (x, y) => g.bitXor(x!, y!), ['bitXor']),
  ...cases('bitOr', (x, y) => g.bitOr(x!, y!), ['bitOr']),
  ...cases('bitAnd', (x, y) => g.bitAnd(x!, y!), ['bitAnd']),
  ...cases('shiftLeft', (x, y) => g.shiftLeft(x!, y!), ['shiftLeft']),
  ...cases('shiftRight', (x, y) => g.shiftRight(x!, y!), ['shiftRight']),
  ...cases('where', (c, x, y) => g.where(c!, x!, y!), ['where', ['where with a number', (c, x) => g.where(c!, x!, 0)]]),
]

const reductions: readonly [string, (x: g.Tensor, options?: g.ReduceOptions) => g.Tensor][] = [
  ['sum', g.sum],
  ['mean', g.mean],
  ['max', g.max],
  ['logSumExp', g.logSumExp],
]

const reducing = [
  ...reductions.flatMap(([row, f]) =>
    cases(row, (x) => f(x!), [
      row,
      [`${row} over the middle`, (x) => f(x!, { axes: [-2] })],
      [`${row} over two, kept`, (x) => f(x!, { axes: [0, -1], keepDims: true })],
      [`${row} over the last, kept`, (x) => f(x!, { axes: [2], keepDims: true })],
    ]),
  ),
  ...cases('max', (x) => g.max(x!, { axes: [1] }), ['max of ties']),
  ...cases('logSumExp', (x) => g.logSumExp(x!, { axes: [1] }), ['logSumExp of extremes']),
  ...cases('sum', (x) => g.sum(x!, { axes: [-1] }), ['sum int64']),
  ...cases('argMax', (x) => g.argMax(x!), [
    'argMax',
    ['argMax along the front', (x) => g.argMax(x!, -2)],
    'argMax of ties',
  ]),
]

const shaping = [
  ...cases('reshape', (x) => g.reshape(x!, [4, 6]), [
    'reshape',
    ['reshape to a size to find', (x) => g.reshape(x!, [2, -1])],
    ['reshape to a scalar', (x) => g.reshape(x!, [])],
  ]),
  ...cases('transpose', (x) => g.transpose(x!), [
    'transpose',
    ['transpose by a cycle', (x) => g.transpose(x!, [2, 0, 1])],
  ]),
  ...cases('broadcastTo', (x) => g.broadcastTo(x!, [2, 3, 4]), [
    'broadcastTo',
    ['broadcastTo from a scalar', (x) => g.broadcastTo(x!, [2, 2])],
  ]),
  ...cases('concat', (...x) => g.concat(x, -2), ['concat', ['concat of int64', (...x) => g.concat(x, 0)]]),
  ...cases('slice', (x) => g.slice(x!, -1, 1, 3), ['slice', ['slice of the front', (x) => g.slice(x!, 0, 1, 2)]]),
  ...cases('split', (x) => g.split(x!, -1, [1, 2, 1]), [
    'split',
    ['split with a part unused', (x) => g.split(x!, 2, [1, 2, 1]).filter((_, i) => i !== 1)],
  ]),
  ...cases('last', (x) => g.last(x!, -2), ['last']),
  ...cases('pad', (x) => g.pad(x!, -2, 1, 2), ['pad']),
]

const batches = [
  '',
  ' over a batch',
  ' of a batch by a matrix',
  ' of a matrix by a batch',
  ' over broadcast batches',
  ' over a batch of one',
  ' of size 1',
]
const products = batches.flatMap((batch) =>
  ['', ' A', ' B', ' AB'].flatMap((sides) => {
    const options = { transposeA: sides.includes('A'), transposeB: sides.includes('B') }
    const alpha = options.transposeA ? -0.5 : 1
    return cases('matmul', (a, b) => g.matmul(a!, b!, { ...options, alpha }), [`matmul${batch}${sides}`])
  }),
)

const indexing = [
  ...cases('gather', (table, ids) => g.gather(table!, ids!), ['gather', 'gather int32']),
  ...cases('scatterAdd', (x, ids) => g.scatterAdd(x!, ids!, 5), [
    'scatterAdd',
    ['scatterAdd into many rows', (x, ids) => g.slice(g.scatterAdd(x!, ids!, 600), 0, 0, 8)],
  ]),
  ...cases('pick', (x, ids) => g.pick(x!, ids!), ['pick', 'pick int64']),
]

const normalizing = [
  ...cases('softmax', (x) => g.softmax(x!), ['softmax', 'softmax of extremes']),
  ...cases('logSoftmax', (x) => g.logSoftmax(x!), ['logSoftmax', 'logSoftmax of extremes']),
  ...cases('rmsNorm', (x, w) => g.rmsNorm(x!, w), [
    'rmsNorm',
    ['rmsNorm without weight', (x) => g.rmsNorm(x!, undefined, 0.1)],
    ['rmsNorm with its statistic', raw('rmsNorm', { epsilon: 0.01 })],
    'rmsNorm of zeros',
  ]),
  ...cases('layerNorm', (x, w, b) => g.layerNorm(x!, w!, b!), [
    'layerNorm',
    ['layerNorm with its statistics', raw('layerNorm', { epsilon: 1e-5 })],
    ['layerNorm of one scale and shift', (x, w) => raw('layerNorm', { epsilon: 1e-5 })(x!, w!, w!)],
  ]),
]

const losses = [
  ...cases('crossEntropy', (x, ids) => g.crossEntropy(x!, ids!), [
    'crossEntropy',
    'crossEntropy int32',
    ['crossEntropy smoothed', (x, ids) => g.crossEntropy(x!, ids!, 0.1)],
    ['crossEntropy with log-probabilities', raw('crossEntropy', { smoothing: 0 })],
    'crossEntropy of extremes',
  ]),
  ...cases('addToPicked', raw('addToPicked'), ['addToPicked']),
]

const attending = [
  ...cases('attention', (q, k, v) => g.attention(q!, k!, v!, { causal: true }), [
    'attention',
    ['attention to all', (q, k, v) => g.attention(q!, k!, v!, { causal: false })],
    ['attention of one key head', (q, k, v) => g.attention(q!, k!, v!, { causal: true, scale: 1.5 })],
    ['attention across lengths', (q, k, v) => g.attention(q!, k!, v!, { causal: false })],
    'attention of one position',
  ]),
  ...cases('rotary', (x, c, s) => g.rotary(x!, c!, s!), ['rotary']),
  ...cases('cachedAttention', raw('cachedAttention', { nHeads: 4, nKvHeads: 2, scale: 0.5 }), ['cachedAttention']),
]

/** Every case of every operation. */
export const operationCases: readonly OperationCase[] = [
  ...elementwise,
  ...pairs,
  ...comparing,
  ...reducing,
  ...shaping,
  ...products,
  ...indexing,
  ...normalizing,
  ...losses,
  ...attending,
  ...pictureCases,
  ...cases('placeholder', (x) => x!, ['placeholder']),
  ...cases('constant', (x) => g.add(x!, g.constant({ dtype: 'float32', shape: [], data: Float32Array.of(0) })), [
    'constant',
  ]),
  ...cases('stopGradient', (x) => g.stopGradient(x!), ['stopGradient']),
]
