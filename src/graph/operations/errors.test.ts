import { expect, it } from 'vitest'
import { ShapeError } from '../../errors.ts'
import type { DType } from '../dtype.ts'
import { gradients } from '../gradient.ts'
import * as g from '../index.ts'
import type { Operation } from '../operation.ts'
import { apply, input, type Shape, scalar, staticShape, type Tensor } from '../tensor.ts'

const f = (...shape: Shape) => input('x', 'float32', shape)
const i = (...shape: Shape) => input('x', 'int32', shape)
const of = (dtype: DType, ...shape: Shape) => input('x', dtype, shape)
const raw = (row: string, inputs: Tensor[], attributes: object) =>
  apply(g.operations.get(row) as unknown as Operation, inputs, attributes)

const cache = (changes: Partial<g.CachedAttentionInputs>) =>
  g.cachedAttention(
    {
      q: f(1, 2, 16),
      k: f(1, 2, 8),
      v: f(1, 2, 8),
      pastKeys: f(1, 1, 4, 8),
      pastValues: f(1, 1, 4, 8),
      lastPosition: i(1),
      total: i(),
      ...changes,
    },
    { nHeads: 2, nKvHeads: 1, scale: 1 },
  )

const weightGradient = (x: Tensor, gradient: Tensor) =>
  raw('conv2dWeightGradient', [x, gradient], { ...g.attributesOf({}), size: [3, 3] })

const documented: readonly (readonly [() => unknown, string])[] = [
  [() => g.exp(i(2)), 'exp: got int32, wanted float32 or float16; cast first'],
  [() => g.sign(i(2)), 'sign: got int32, wanted float32 or float16; cast first'],
  [() => g.silu(i(2)), 'silu: got int32, wanted float32 or float16; cast first'],
  [() => g.gelu(i(2)), 'gelu: got int32, wanted float32 or float16; cast first'],
  [() => g.reluSquared(i(2)), 'reluSquared: got int32, wanted float32 or float16; cast first'],
  [() => g.add(f(2), i(2)), 'add: dtypes differ, got float32 and int32; cast one'],
  [() => g.add(f(2, 3), f(2)), 'add: shapes do not broadcast, got [2, 3] and [2]; sizes must be equal or 1'],
  [() => g.mul(f('batch'), f(3)), 'mul: shapes do not broadcast, got [batch] and [3]; sizes must be equal or 1'],
  [() => g.mul(i(2), 0.5), 'scalar: 0.5 is not a whole number, wanted one for int32; cast the other operand first'],
  [() => scalar(1, 'float16'), 'scalar: float16 constants are made by casting a float32 one'],
  [() => g.pow(i(2), 2), 'pow: got int32, wanted float32 or float16; cast first'],
  [
    () => g.less(of('bool', 2), of('bool', 2)),
    'less: got bool, wanted float32 or float16 or int32 or int64 or uint32 or uint8; cast first',
  ],
  [() => g.logicalNot(f(2)), 'logicalNot: got float32, wanted bool; cast first'],
  [() => g.bitXor(i(2), 1), 'bitXor: got int32, wanted uint32; cast first'],
  [
    () => g.shiftLeft(of('uint32', 2), of('uint32', 3)),
    'shiftLeft: shapes do not broadcast, got [2] and [3]; sizes must be equal or 1',
  ],
  [() => g.where(f(2), f(2), 0), 'where: the condition is float32 [2], wanted bool; compare first'],
  [
    () => g.where(of('bool', 2), of('uint32', 2), 0),
    'where: got uint32, wanted float32 or float16 or int32 or int64 or uint8; cast first',
  ],
  [() => g.sum(of('bool', 2)), 'sum: got bool, wanted float32 or float16 or int32 or int64; cast first'],
  [() => g.mean(i(2)), 'mean: got int32, wanted float32 or float16; cast first'],
  [() => g.max(f(2), { axes: [1] }), 'max: axis 1 is out of range for 1 dimensions'],
  [() => g.logSumExp(f(2), { axes: [-2] }), 'logSumExp: axis -2 is out of range for 1 dimensions'],
  [() => g.argMax(f(2), 0.5), 'argMax: axis 0.5 is out of range for 1 dimensions'],
  [() => g.argMax(of('bool', 2)), 'argMax: got bool, wanted float32 or float16 or int32 or int64; cast first'],
  [() => g.reshape(f(2, 3), [4]), 'reshape: [2, 3] does not have as many elements as [4]; check the sizes'],
  [() => g.reshape(f('a', 6), ['b', 4]), 'reshape: [a, 6] does not have as many elements as [b, 4]; check the sizes'],
  [() => g.reshape(f(2, 3), [4, -1]), 'reshape: no size for −1 makes [4, -1] out of [2, 3]'],
  [() => g.reshape(f(2, 3), [-1, -1]), 'reshape: no size for −1 makes [-1, -1] out of [2, 3]'],
  [() => g.transpose(f(2, 3), [0, 0]), 'transpose: [0,0] does not permute the axes of [2, 3]'],
  [() => g.transpose(f(2, 3), [1, 2]), 'transpose: [1,2] does not permute the axes of [2, 3]'],
  [() => g.broadcastTo(f(2), [3]), 'broadcastTo: shapes do not broadcast, got [2] and [3]; sizes must be equal or 1'],
  [() => g.broadcastTo(f(2, 3), [3]), 'broadcastTo: [2, 3] does not stretch to [3]'],
  [() => g.broadcastTo(f(1, 3), ['batch', 3]), 'broadcastTo: [1, 3] does not stretch to [batch, 3]'],
  [() => g.concat([], 0), 'concat: needs at least one tensor, got none'],
  [() => g.concat([f(2, 3), f(2, 4)], 0), 'concat: [2, 4] and [2, 3] must agree on every axis but 0'],
  [() => g.concat([f('n', 3), f(2, 3)], 0), 'concat: needs known sizes, got [n]; bind n to a number'],
  [() => g.slice(f(4), 0, 2, 5), 'slice: [2, 5) is not a part of axis 0 of [4]'],
  [() => g.slice(f(4), 0, 2, 2), 'slice: [2, 2) is not a part of axis 0 of [4]'],
  [() => g.split(f(4), 0, [1, 2]), 'split: sizes [1,2] add up to 3, axis 0 has 4'],
  [() => g.last(f(4), 1), 'last: axis 1 is out of range for 1 dimensions'],
  [() => g.pad(f('n'), 0, 1, 1), 'pad: needs known sizes, got [n]; bind n to a number'],
  [() => g.matmul(f(4, 8), f(6, 2)), 'matmul: inner sizes differ, got [4, 8] × [6, 2]; transpose the second?'],
  [
    () => g.matmul(f(4, 8), f(8, 2), { transposeB: true }),
    'matmul: inner sizes differ, got [4, 8] × [8, 2]ᵀ; transpose the second?',
  ],
  [() => g.matmul(f(8), f(8, 2)), 'matmul: both sides need 2 or more dimensions, got [8] × [8, 2]; reshape first'],
  [
    () => g.matmul(f(2, 4, 8), f(3, 8, 2)),
    'matmul: shapes do not broadcast, got [2] and [3]; sizes must be equal or 1',
  ],
  [() => g.matmul(i(2, 2), i(2, 2)), 'matmul: got int32, wanted float32 or float16; cast first'],
  [() => g.gather(f(4, 2), f(3)), 'gather: got float32, wanted int32 or int64; cast first'],
  [() => g.scatterAdd(f(4, 2), i(3), 5), 'scatterAdd: ids [3] must be [4], one a row of the updates'],
  [() => g.scatterAdd(f(4), i(4), 5), 'scatterAdd: the updates must have 2 dimensions, got [4]; reshape it'],
  [() => g.scatterAdd(i(4, 2), i(4), 5), 'scatterAdd: got int32, wanted float32 or float16; cast first'],
  [() => g.pick(f(4, 2), i(3)), 'pick: ids [3] must have the leading shape of [4, 2]'],
  [() => g.softmax(i(2)), 'softmax: got int32, wanted float32 or float16; cast first'],
  [() => g.logSoftmax(i(2)), 'logSoftmax: got int32, wanted float32 or float16; cast first'],
  [() => g.rmsNorm(f(2, 4), f(3)), 'rmsNorm: scale and shift must be [4] for [2, 4], got [3]'],
  [() => g.rmsNorm(f()), 'rmsNorm: needs at least 1 dimension, got a scalar; reshape it'],
  [() => g.layerNorm(f(2, 4), f(4), f(1, 4)), 'layerNorm: scale and shift must be [4] for [2, 4], got [1, 4]'],
  [() => g.crossEntropy(f(2, 3, 4), i(2)), 'crossEntropy: logits must have 2 dimensions, got [2, 3, 4]; reshape it'],
  [() => g.crossEntropy(f(2, 4), i(2, 1)), 'crossEntropy: targets must have 1 dimensions, got [2, 1]; reshape it'],
  [() => g.crossEntropy(f(2, 4), i(3)), 'crossEntropy: logits [2, 4] and targets [3] differ in their first size'],
  [() => g.crossEntropy(f(2, 4), f(2)), 'crossEntropy: got float32, wanted int32 or int64; cast first'],
  [
    () => g.attention(f(1, 4, 2), f(1, 4, 2), f(1, 4, 2), { causal: true }),
    'attention: q, k and v must have 4 dimensions, got [1, 4, 2]; reshape it',
  ],
  [
    () => g.attention(f(1, 4, 3, 8), f(1, 4, 2, 8), f(1, 4, 2, 8), { causal: true }),
    'attention: q [1, 4, 3, 8], k [1, 4, 2, 8] and v [1, 4, 2, 8] do not fit; wanted [B, T, H, D], [B, S, Hkv, D] twice, Hkv dividing H, and T = S where causal',
  ],
  [
    () => g.attention(f(2, 4, 2, 8), f(1, 4, 2, 8), f(1, 4, 2, 8), { causal: true }),
    'attention: q [2, 4, 2, 8], k [1, 4, 2, 8] and v [1, 4, 2, 8] do not fit; wanted [B, T, H, D], [B, S, Hkv, D] twice, Hkv dividing H, and T = S where causal',
  ],
  [() => g.rotary(f(1, 3, 2, 8), f(3, 4), f(4, 4)), 'rotary: x [1, 3, 2, 8] needs cos and sin [3, 4], got [4, 4]'],
  [
    () => cache({ k: f(1, 3, 8) }),
    'cachedAttention: got [1, 3, 8], wanted [1, 2, 8]; q, k and v are [B, T, heads · D], caches [B, Hkv, capacity, D], lastPosition [B], total []',
  ],
  [
    () => cache({ pastKeys: f(1, 1, 4, 12), pastValues: f(1, 1, 4, 12) }),
    'cachedAttention: heads are 12 wide, wanted a multiple of 8; change nHeads',
  ],
  [() => g.leakyRelu(i(2), 0.2), 'leakyRelu: got int32, wanted float32 or float16; cast first'],
  [() => g.conv2d(f(3, 8, 8), f(4, 3, 3, 3)), 'conv2d: the picture must have 4 dimensions, got [3, 8, 8]; reshape it'],
  [() => g.conv2d(f(1, 3, 8, 8), f(4, 3, 3)), 'conv2d: the kernel must have 4 dimensions, got [4, 3, 3]; reshape it'],
  [
    () => g.conv2d(f(1, 3, 8, 8), f(4, 2, 3, 3)),
    'conv2d: got 3 channels and a kernel [4, 2, 3, 3] in 1 groups, wanted [O, channels / groups, kh, kw] with O a multiple of groups; check the kernel',
  ],
  [
    () => g.conv2d(f(1, 4, 8, 8), f(3, 2, 3, 3), { groups: 2 }),
    'conv2d: got 4 channels and a kernel [3, 2, 3, 3] in 2 groups, wanted [O, channels / groups, kh, kw] with O a multiple of groups; check the kernel',
  ],
  [() => g.conv2d(f(1, 3, 8, 8), f(4, 3, 3, 3), {}, f(3)), 'conv2d: the bias must be [4], got [3]'],
  [() => g.conv2d(f(1, 3, 2, 8), f(4, 3, 3, 3)), 'conv2d: a kernel 3 × 3 does not fit into 2 × 8; add padding'],
  [() => g.conv2d(f(1, 3, 'n', 8), f(4, 3, 3, 3)), 'conv2d: needs known sizes, got [n, 8]; bind n to a number'],
  [() => g.conv2d(i(1, 3, 8, 8), i(4, 3, 3, 3)), 'conv2d: got int32, wanted float32 or float16; cast first'],
  [
    () => g.conv2d(f(1, 3, 8, 8), of('float16', 4, 3, 3, 3)),
    'conv2d: dtypes differ, got float32 and float16; cast one',
  ],
  ...[{ stride: 0 }, { dilation: 1.5 }, { groups: -1 }, { padding: [0, -1] as const }].map(
    (options) =>
      [
        () => g.conv2d(f(1, 3, 8, 8), f(4, 3, 3, 3), options),
        `conv2d: got ${JSON.stringify(options)}; stride, dilation and groups are whole from 1, padding whole from 0`,
      ] as const,
  ),
  [
    () => g.conv2dTranspose(f(1, 3, 8, 8), f(4, 3, 3, 3), [10, 10]),
    'conv2dInputGradient: got 3 channels and a kernel [4, 3, 3, 3] in 1 groups, wanted [channels, I / groups, kh, kw] with channels a multiple of groups; check the kernel',
  ],
  [
    () => g.conv2dTranspose(f(1, 4, 8, 8), f(4, 3, 3), [10, 10]),
    'conv2dInputGradient: the kernel must have 4 dimensions, got [4, 3, 3]; reshape it',
  ],
  [
    () => g.conv2dTranspose(f(1, 4, 8, 8), f(4, 3, 3, 3), [9, 10]),
    'conv2dInputGradient: got a gradient [1, 4, 8, 8], wanted [B, O, 7, 8]',
  ],
  [
    () => weightGradient(f(2, 3, 8, 8), f(1, 4, 6, 6)),
    'conv2dWeightGradient: got 2 pictures and 1 gradients; make them as many',
  ],
  [
    () => weightGradient(f(1, 3, 8, 8), f(1, 4, 8, 8)),
    'conv2dWeightGradient: got a gradient [1, 4, 8, 8], wanted [B, O, 6, 6]',
  ],
  [
    () => weightGradient(f('n', 3, 8, 8), f('n', 4, 6, 6)),
    'conv2dWeightGradient: needs known sizes, got [n, 3, 8, 8]; bind n to a number',
  ],
  [
    () => weightGradient(f(1, 3, 8, 8), f(4, 6, 6)),
    'conv2dWeightGradient: the gradient must have 4 dimensions, got [4, 6, 6]; reshape it',
  ],
  [
    () => g.averagePool2d(f(3, 8, 8), { kernel: 2 }),
    'averagePool2d: the picture must have 4 dimensions, got [3, 8, 8]; reshape it',
  ],
  [() => g.averagePool2d(f(1, 3, 2, 8), { kernel: 3 }), 'averagePool2d: a window 3 × 3 does not fit into 2 × 8'],
  [
    () => g.maxPool2d(f(3, 8, 8), { kernel: 2 }),
    'maxPool2d: the picture must have 4 dimensions, got [3, 8, 8]; reshape it',
  ],
  [() => g.maxPool2d(f(1, 3, 2, 8), { kernel: 3 }), 'maxPool2d: a window 3 × 3 does not fit into 2 × 8'],
  [() => g.repeat2d(f(3, 8, 8), 2), 'repeat2d: the picture must have 4 dimensions, got [3, 8, 8]; reshape it'],
  [
    () => g.resize2d(f(3, 8, 8), [4, 4], 'bilinear'),
    'resize2d: the picture must have 4 dimensions, got [3, 8, 8]; reshape it',
  ],
  [() => g.resize2d(f(1, 3, 8, 8), [4, 0.5], 'nearest'), 'resize2d: got the size 4 × 0.5, wanted whole numbers from 1'],
  [() => g.pixelShuffle(f(1, 6, 2, 2), 2), 'pixelShuffle: [1, 6, 2, 2] has no multiple of 4 channels'],
  [() => g.pixelUnshuffle(f(1, 6, 2, 3), 2), 'pixelUnshuffle: [1, 6, 2, 3] is not a multiple of 2 high and wide'],
  [() => g.pad2d(f(1, 3, 4, 4), [0, 4, 0, 0], 'reflect'), 'pad2d: cannot mirror 4 pixels of 4; pad less'],
  [() => g.pad2d(f(1, 3, 4, 4), [0, -1, 0, 0]), 'pad2d: got padding 0, -1, 0, 0, wanted whole numbers from 0'],
  [() => g.groupNorm(f(1, 6, 2, 2), 4), 'groupNorm: 6 channels do not make 4 equal groups; choose a divisor'],
  [() => gradients(i(), []), 'gradients: the loss is int32, wanted float32; cast it'],
  [() => gradients(of('float16'), []), 'gradients: the loss is float16, wanted float32; cast it'],
  [() => gradients(f(2), []), 'gradients: the loss must be a scalar, got [2]; sum or average it'],
  [() => gradients(g.sum(f(2)), [f('n')]), 'gradients: needs known sizes, got [n]; bind n to a number'],
  [() => staticShape('here', [2, 'batch']), 'here: needs known sizes, got [2, batch]; bind batch to a number'],
]

it.each(documented.map(([build, message]) => [message, build] as const))('says “%s”', (message, build) => {
  expect(build).toThrow(ShapeError)
  expect(build).toThrow(new ShapeError(message))
})

it('a table that is differentiated must be a matrix, and what has no gradient says so', () => {
  const table = f(2, 3, 4)
  expect(() => gradients(g.sum(g.gather(table, i(2))), [table])).toThrow(
    new ShapeError('gather: a table that is differentiated must have 2 dimensions, got [2, 3, 4]; reshape it'),
  )
  const q = f(1, 2, 16)
  const [y] = cache({ q })
  expect(() => gradients(g.sum(y), [q])).toThrow(
    new ShapeError('cachedAttention: has no gradient; stop it with stopGradient'),
  )
  const pooled = g.maxPool2d(f(1, 1, 4, 4), { kernel: 3, stride: 1 })
  expect(() => gradients(g.sum(pooled), pooled.node.inputs)).toThrow(
    new ShapeError('maxPool2d: has no gradient; stop it with stopGradient'),
  )
  const bad: Operation = { name: 'bad', infer: ([x]) => [x!], gradient: () => [f(3)] }
  const x = f(2)
  expect(() => gradients(g.sum(apply(bad, [x], {})[0]!), [x])).toThrow(
    new ShapeError('bad: its gradient rule gave [3] for an input [2]'),
  )
  expect(() => raw('addToPicked', [f(2, 3), i(3), f(2)], {})).toThrow(ShapeError)
})
