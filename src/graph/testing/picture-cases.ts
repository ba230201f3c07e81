import * as g from '../index.ts'
import { type Build, cases, raw } from './recorded-cases.ts'

/** Options and, for the gradients, the picture's and the kernel's height and width. */
const convolutions: readonly (readonly [string, g.Convolution2dOptions, g.Pair, g.Pair])[] = [
  ['', {}, [4, 5], [3, 3]],
  [' of stride 2', { stride: 2, padding: 1 }, [5, 6], [3, 3]],
  [' of uneven stride', { stride: [1, 3] }, [5, 7], [2, 2]],
  [' padded', { padding: [1, 1] }, [3, 4], [3, 3]],
  [' padded unevenly', { padding: [1, 0, 0, 2] }, [3, 4], [2, 3]],
  [' padded beyond the kernel', { padding: [2, 1, 1, 3] }, [2, 3], [2, 2]],
  [' dilated', { dilation: 2, padding: [0, 1] }, [5, 6], [2, 3]],
  [' in groups', { groups: 2 }, [3, 4], [2, 2]],
  [' of every channel by itself', { groups: 3, padding: 1 }, [4, 4], [3, 3]],
  [' by one pixel', {}, [3, 2], [1, 1]],
  [' by one pixel in groups', { groups: 2 }, [2, 3], [1, 1]],
  [' by one pixel of stride 2', { stride: 2 }, [4, 5], [1, 1]],
  [' by a row', {}, [3, 6], [1, 4]],
  [' with all options', { stride: [2, 1], padding: [1, 0, 2, 1], dilation: [2, 1], groups: 2 }, [6, 7], [2, 3]],
]

const convolving = [
  ...convolutions.flatMap(([what, options, picture, kernel]) => [
    ...cases('conv2d', (x, w) => g.conv2d(x!, w!, options), [`conv2d${what}`]),
    ...cases('conv2dInputGradient', (y, w) => g.conv2dTranspose(y!, w!, picture, options), [
      `conv2dInputGradient${what}`,
    ]),
    ...cases('conv2dWeightGradient', raw('conv2dWeightGradient', { ...g.attributesOf(options), size: kernel }), [
      `conv2dWeightGradient${what}`,
    ]),
  ]),
  ...cases('conv2d', (x, w, bias) => g.conv2d(x!, w!, {}, bias), ['conv2d with bias']),
]

const pooling = [
  ...cases('averagePool2d', (x) => g.averagePool2d(x!, { kernel: 2 }), [
    'averagePool2d',
    ['averagePool2d of uneven windows', (x) => g.averagePool2d(x!, { kernel: [2, 3] })],
    ['averagePool2d with a rest', (x) => g.averagePool2d(x!, { kernel: [3, 4] })],
    ['averagePool2d overlapping', (x) => g.averagePool2d(x!, { kernel: 3, stride: 1 })],
    ['averagePool2d padded', (x) => g.averagePool2d(x!, { kernel: 3, stride: 2, padding: 1 })],
    [
      'averagePool2d padded, zeros not counted',
      (x) => g.averagePool2d(x!, { kernel: 3, stride: 2, padding: 1, countPadding: false }),
    ],
  ]),
  ...cases('maxPool2d', (x) => g.maxPool2d(x!, { kernel: 3, stride: 2, padding: 1 }), ['maxPool2d']),
  ...cases('max', (x) => g.maxPool2d(x!, { kernel: 2 }), ['maxPool2d by tiles']),
]

/** A composite is listed with the row that does its work. */
const resizes: readonly (readonly [string, g.Pair, 'repeat2d' | 'matmul'])[] = [
  ['twice up', [8, 6], 'repeat2d'],
  ['half down', [2, 3], 'matmul'],
  ['up by a fraction', [6, 5], 'matmul'],
  ['down by a fraction', [3, 2], 'matmul'],
]

const resampling = [
  ...cases('repeat2d', (x) => g.repeat2d(x!, 2), ['repeat2d', ['repeat2d unevenly', (x) => g.repeat2d(x!, [3, 1])]]),
  ...resizes.flatMap(([what, size, row]) => [
    ...cases(row, (x) => g.resize2d(x!, size, 'nearest'), [`resize2d nearest ${what}`]),
    ...cases('matmul', (x) => g.resize2d(x!, size, 'bilinear'), [`resize2d bilinear ${what}`]),
  ]),
  ...cases('transpose', (x) => g.pixelShuffle(x!, 2), [
    'pixelShuffle',
    ['pixelUnshuffle', (x) => g.pixelUnshuffle(x!, 2)],
  ]),
  ...cases('pad', (x) => g.pad2d(x!, [1, 2, 3, 1]), ['pad2d']),
  ...cases('concat', (x) => g.pad2d(x!, [2, 3, 0, 1], 'reflect'), ['pad2d mirrored']),
]

const groupNorm: Build = (x) => g.groupNorm(x!, 2)

/** Every case of the operations that move over pictures [B, C, H, W]. */
export const pictureCases = [
  ...convolving,
  ...pooling,
  ...resampling,
  ...cases('leakyRelu', (x) => g.leakyRelu(x!, 0.2), ['leakyRelu', 'leakyRelu of extremes']),
  ...cases('leakySlope', raw('leakySlope', { slope: 0.2 }), ['leakySlope', 'leakySlope of extremes']),
  ...cases('mean', groupNorm, [
    'groupNorm',
    ['groupNorm with scale and shift', (x, scale, shift) => g.groupNorm(x!, 2, scale, shift, 0.1)],
    ['groupNorm of every channel by itself', (x, scale) => g.groupNorm(x!, 4, scale)],
  ]),
]
