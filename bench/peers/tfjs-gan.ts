/**
 * The round of `torch_peers.py gan` in TensorFlow.js: each backend is asked for it as the library's users would write it, and
 * its error is reported; then it is timed on wasm (SIMD, threads) with what that backend lacks written anew in this file.
 *
 * - wasm has no kernel for the filter gradient of a convolution, and average pooling cannot be differentiated twice anywhere:
 *   `conv`, `pool` and `repeat` have gradients of their own, in terms of each other, so that every order exists.
 * - The filter gradient is a convolution over swapped axes, the input gradient one by the turned filter.
 */
import * as tf from '@tensorflow/tfjs'
import { getThreadsCount, setThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm'

const settings = Object.fromEntries(new URLSearchParams(location.search))
const [batch, steps, width] = [Number(settings.batch ?? 64), Number(settings.steps ?? 3), Number(settings.width ?? 256)]

type Unary = (x: tf.Tensor4D) => tf.Tensor4D
type Binary = (a: tf.Tensor4D, b: tf.Tensor4D) => tf.Tensor4D
interface Layers {
  readonly conv: Binary
  readonly pool: Unary
  readonly repeat: Unary
  readonly leaky: Unary
}

/** What the library offers. */
const plain: Layers = {
  conv: (x, w) => tf.conv2d(x, w, 1, 'same'),
  pool: (x) => tf.avgPool(x, 2, 2, 'valid'),
  repeat: (x) => tf.image.resizeNearestNeighbor(x, [x.shape[1] * 2, x.shape[2] * 2]),
  leaky: (x) => tf.leakyRelu(x, 0.2),
}

/** A function of one tensor with its gradient, which may be differentiated in turn. */
function withGradient(value: Unary, gradient: (dy: tf.Tensor4D) => tf.Tensor4D): Unary {
  return tf.customGrad((x) => ({
    value: value(x as tf.Tensor4D),
    gradFunc: (dy: tf.Tensor) => [gradient(dy as tf.Tensor4D)],
  })) as unknown as Unary
}

/** A function linear in each of two tensors, with both gradients. */
function bilinear(value: Binary, byFirst: (dy: tf.Tensor4D, b: tf.Tensor4D) => tf.Tensor4D, bySecond: Binary): Binary {
  return tf.customGrad((a, b, save) => {
    ;(save as tf.GradSaver)([a as tf.Tensor, b as tf.Tensor])
    return {
      value: value(a as tf.Tensor4D, b as tf.Tensor4D),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [x, y] = saved as [tf.Tensor4D, tf.Tensor4D]
        return [byFirst(dy as tf.Tensor4D, y), bySecond(x, dy as tf.Tensor4D)]
      },
    }
  }) as unknown as Binary
}

const around: [number, number][] = [
  [0, 0],
  [1, 1],
  [1, 1],
  [0, 0],
]

/** x [B, H, W, I] ⋆ w [3, 3, I, O]. */
const conv: Binary = bilinear(
  (x, w) => tf.conv2d(x, w, 1, 'same'),
  (dy, w) => inputGradient(dy, w),
  (x, dy) => filterGradient(x, dy),
)
const inputGradient: Binary = bilinear(
  (g, w) => tf.conv2d(g, tf.transpose(tf.reverse(w, [0, 1]), [0, 1, 3, 2]), 1, 'same'),
  (dy, w) => conv(dy, w),
  (g, dy) => filterGradient(dy, g),
)
const filterGradient: Binary = bilinear(
  (x, g) => {
    const picture = tf.pad(tf.transpose(x, [3, 1, 2, 0]), around)
    return tf.transpose(tf.conv2d(picture, tf.transpose(g, [1, 2, 0, 3]), 1, 'valid'), [1, 2, 0, 3])
  },
  (dy, g) => inputGradient(g, dy),
  (x, dy) => conv(x, dy),
)
const pool: Unary = withGradient(plain.pool, (dy) => repeat(dy).mul(0.25))
const repeat: Unary = withGradient(plain.repeat, (dy) => pool(dy).mul(4))

/** x · mask, where the mask is a constant to every gradient. */
const masked: Binary = bilinear(
  (x, mask) => x.mul(mask),
  (dy, mask) => masked(dy, mask),
  (_, dy) => tf.zerosLike(dy),
)

/** x where positive, else x / 5. */
function leaky(x: tf.Tensor4D): tf.Tensor4D {
  return masked(x, tf.step(x, 0.2))
}

const rewritten: Layers = { conv, pool, repeat, leaky }

function variable(shape: number[]): tf.Variable {
  const fan = shape.slice(0, -1).reduce((a, b) => a * b, 1)
  return tf.variable(tf.randomUniform(shape, -(fan ** -0.5), fan ** -0.5))
}

/** Weights of one network: a kernel and a bias for each convolution, and a dense layer. */
function network(widths: readonly number[], dense: [number, number]) {
  const kernels = widths.slice(1).map((to, i) => variable([3, 3, widths[i] ?? 0, to]))
  const biases = widths.slice(1).map((to) => tf.variable(tf.zeros([to])))
  const [matrix, shift] = [variable(dense), tf.variable(tf.zeros([dense[1]]))]
  return { kernels, biases, matrix, shift, all: [...kernels, ...biases, matrix, shift] }
}

function makeRound({ conv, pool, repeat, leaky }: Layers, penalized: boolean): () => number {
  const g = network([width, width / 2, width / 4, width / 4, 3], [128, width * 16])
  const d = network([3, width / 4, width / 2, width], [width * 16, 1])
  const layer = (net: typeof g, x: tf.Tensor4D, i: number) =>
    conv(x, net.kernels[i] as unknown as tf.Tensor4D).add(net.biases[i] as tf.Tensor) as tf.Tensor4D
  const generate = () => {
    const z = tf.randomNormal([batch, 128]) as tf.Tensor2D
    let x = tf
      .matMul(z, g.matrix as tf.Tensor2D)
      .add(g.shift)
      .reshape([batch, 4, 4, width]) as tf.Tensor4D
    for (let i = 0; i < 3; i++) x = leaky(layer(g, repeat(x), i))
    return tf.tanh(layer(g, x, 3)) as tf.Tensor4D
  }
  const judge = (pictures: tf.Tensor4D) => {
    let x = pictures
    for (let i = 0; i < 3; i++) x = pool(leaky(layer(d, x, i)))
    return tf.matMul(x.reshape([batch, -1]) as tf.Tensor2D, d.matrix as tf.Tensor2D).add(d.shift)
  }
  const real = tf.randomUniform([batch, 32, 32, 3], -1, 1) as tf.Tensor4D
  const [forG, forD] = [tf.train.adam(2e-4, 0, 0.99, 1e-8), tf.train.adam(2e-4, 0, 0.99, 1e-8)]
  const norm = (x: tf.Tensor4D) =>
    tf
      .grad((y) => judge(y as tf.Tensor4D).sum())(x)
      .square()
      .sum()
      .div(batch)
  const ranking = (better: tf.Tensor, worse: tf.Tensor) => tf.softplus(worse.sub(better)).mean()
  const move = (optimizer: tf.Optimizer, loss: () => tf.Scalar, variables: tf.Variable[]) => {
    const { value, grads } = tf.variableGrads(loss, variables)
    optimizer.applyGradients(grads)
    const [number] = value.dataSync()
    tf.dispose([value, grads])
    return number ?? Number.NaN
  }
  return () => {
    const fake = tf.tidy(generate)
    const first = move(
      forD,
      () => {
        const loss = ranking(judge(real), judge(fake))
        return (penalized ? loss.add(norm(real).add(norm(fake)).mul(0.5)) : loss).asScalar()
      },
      d.all,
    )
    fake.dispose()
    const second = move(forG, () => ranking(judge(generate()), judge(real)).asScalar(), g.all)
    return first + second
  }
}

/** What a backend says to one round, as the library's users would write it: '' where it can. */
async function refusal(backend: string, penalized: boolean): Promise<string> {
  try {
    if (!(await tf.setBackend(backend))) return 'the backend does not start'
    await tf.ready()
    makeRound(plain, penalized)()
    return ''
  } catch (error) {
    return String(error instanceof Error ? error.message : error).split('\n')[0] ?? ''
  }
}

function time(round: () => number): { best_s: number; median_s: number } {
  const seconds: number[] = []
  for (let i = -1; i < steps; i++) {
    const begin = performance.now()
    if (!Number.isFinite(round())) throw new Error('the round did not stay finite')
    if (i >= 0) seconds.push((performance.now() - begin) / 1e3)
  }
  seconds.sort((a, b) => a - b)
  return { best_s: seconds[0] ?? Number.NaN, median_s: seconds[seconds.length >> 1] ?? Number.NaN }
}

async function main(): Promise<void> {
  setWasmPaths('/tfjs-wasm/')
  setThreadsCount(2)
  const refusals: Record<string, string> = {}
  // Its pure JavaScript takes minutes for a round of full size; that it refuses is seen at any.
  for (const backend of settings.probe === '0' ? [] : ['wasm', 'cpu'])
    for (const penalized of [true, false])
      if (backend === 'wasm' || penalized)
        refusals[`${backend} ${penalized ? 'with' : 'without'} penalties`] = await refusal(backend, penalized)
  await tf.setBackend('wasm')
  await tf.ready()
  const without = time(makeRound(rewritten, false))
  const result = time(makeRound(rewritten, true))
  const library = `tfjs ${tf.version.tfjs} wasm`
  console.log(JSON.stringify({ job: 'gan', library, threads: getThreadsCount(), ...result, without, refusals }))
}

await main().catch((error: unknown) =>
  console.log(JSON.stringify({ job: 'gan', error: String(error instanceof Error ? error.stack : error) })),
)
