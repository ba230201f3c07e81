/**
 * The training step of `torch_peers.py gpt` in TensorFlow.js on its wasm backend (SIMD, threads).
 *
 * Three things of that backend shape this file; each was measured before it was worked around:
 * - Only a product of two plain matrices reaches XNNPACK. Transposed or batched products fall to a scalar kernel, 15 to 30 times
 *   slower, so gradients transpose first (`matmul`) and attention multiplies head by head (`headwise`).
 * - `slice` and `unstack` copy the whole tensor for each piece, so heads are cut in JavaScript (`pieces`).
 * - It has no kernel for the gradient of `gather`; with 65 symbols the embedding is a product with a one-hot matrix.
 */
import * as tf from '@tensorflow/tfjs'
import { getThreadsCount, setThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm'
import { adamW, initialWeights, optionsFromAddress, timeSteps, tokens } from './gpt.ts'

const options = optionsFromAddress()
const { batch, context, vocabulary, width, layers, heads } = options
const headWidth = width / heads

/** `a · b`, `[m, k] × [k, n]`. */
const matmul = tf.customGrad((a, b, save) => {
  const [left, right] = [a as tf.Tensor2D, b as tf.Tensor2D]
  ;(save as tf.GradSaver)([left, right])
  const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) => {
    const [x, w] = saved as [tf.Tensor2D, tf.Tensor2D]
    return [tf.matMul(dy as tf.Tensor2D, tf.transpose(w)), tf.matMul(tf.transpose(x), dy as tf.Tensor2D)]
  }
  return { value: tf.matMul(left, right), gradFunc }
}) as (a: tf.Tensor, b: tf.Tensor) => tf.Tensor

/** The matrices of `[heads, rows, columns]`, each a tensor of its own; one copy out, one copy in. */
function pieces(x: tf.Tensor): tf.Tensor2D[] {
  const [count = 0, rows = 0, columns = 0] = x.shape
  const data = x.dataSync()
  const size = rows * columns
  return Array.from({ length: count }, (_, i) => tf.tensor2d(data.subarray(i * size, (i + 1) * size), [rows, columns]))
}

/** `a[h] · b[h]` for each head h. */
function headwise(a: tf.Tensor, b: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const right = pieces(b)
    return tf.stack(pieces(a).map((piece, head) => tf.matMul(piece, right[head] as tf.Tensor2D)))
  })
}

const flip = (x: tf.Tensor) => tf.transpose(x, [0, 2, 1])

const causalMask = () =>
  tf.linalg
    .bandPart(tf.ones([context, context]), -1, 0)
    .sub(1)
    .mul(1e9)

/** Causal attention of q, k, v `[batch · heads, context, headWidth]`, forward and backward written out. */
const attention = (mask: tf.Tensor) =>
  tf.customGrad((...args) => {
    const [q, k, v] = args as [tf.Tensor, tf.Tensor, tf.Tensor]
    const save = args[3] as tf.GradSaver
    const weights = tf.tidy(() =>
      tf.softmax(
        headwise(q, flip(k))
          .mul(headWidth ** -0.5)
          .add(mask),
      ),
    )
    save([q, k, v, weights])
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) => {
      const [query, key, value, w] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor]
      const dw = headwise(dy, flip(value)).mul(w)
      const ds = dw.sub(dw.sum(-1, true).mul(w)).mul(headWidth ** -0.5)
      return [headwise(ds, key), headwise(flip(ds), query), headwise(flip(w), dy)]
    }
    return { value: headwise(weights, v), gradFunc }
  }) as (q: tf.Tensor, k: tf.Tensor, v: tf.Tensor) => tf.Tensor

/** `max(x, 0)²`. */
const squaredRelu = tf.customGrad((x, save) => {
  const rectified = tf.relu(x as tf.Tensor)
  ;(save as tf.GradSaver)([rectified])
  return { value: tf.square(rectified), gradFunc: (dy, saved) => dy.mul(saved[0] as tf.Tensor).mul(2) }
}) as (x: tf.Tensor) => tf.Tensor

/** `x / √(mean x² + 1e-5)` over the last axis. */
const norm = tf.customGrad((x, save) => {
  const input = x as tf.Tensor
  const scale = tf.rsqrt(tf.square(input).mean(-1, true).add(1e-5))
  const value = input.mul(scale)
  ;(save as tf.GradSaver)([value, scale])
  const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]) => {
    const [y, s] = saved as [tf.Tensor, tf.Tensor]
    return dy.sub(y.mul(dy.mul(y).mean(-1, true))).mul(s)
  }
  return { value, gradFunc }
}) as (x: tf.Tensor) => tf.Tensor

const toHeads = (x: tf.Tensor) =>
  tf.transpose(x.reshape([batch, context, heads, headWidth]), [0, 2, 1, 3]).reshape([batch * heads, context, headWidth])
const fromHeads = (x: tf.Tensor) =>
  tf.transpose(x.reshape([batch, heads, context, headWidth]), [0, 2, 1, 3]).reshape([batch * context, width])

function gpt(weight: Map<string, tf.Tensor>, oneHot: tf.Tensor, attend: ReturnType<typeof attention>): tf.Tensor {
  const w = (name: string) => weight.get(name) as tf.Tensor
  const embedded = matmul(oneHot, w('tokens')).reshape([batch, context, width])
  let x = embedded.add(w('positions')).reshape([batch * context, width])
  for (let layer = 0; layer < layers; layer++) {
    const normed = norm(x)
    const [q, k, v] = ['q', 'k', 'v'].map((name) => toHeads(matmul(normed, w(`${layer}.${name}`))))
    x = x.add(matmul(fromHeads(attend(q as tf.Tensor, k as tf.Tensor, v as tf.Tensor)), w(`${layer}.out`)))
    x = x.add(matmul(squaredRelu(matmul(norm(x), w(`${layer}.up`))), w(`${layer}.down`)))
  }
  return matmul(norm(x), w('head'))
}

/** One AdamW update in place. */
function update(
  variable: tf.Variable,
  m: tf.Variable,
  v: tf.Variable,
  gradient: tf.Tensor,
  scale: number,
  t: number,
): void {
  const { learningRate, beta1, beta2, epsilon, weightDecay } = adamW
  tf.tidy(() => {
    const g = gradient.mul(scale)
    m.assign(m.mul(beta1).add(g.mul(1 - beta1)))
    v.assign(v.mul(beta2).add(g.square().mul(1 - beta2)))
    const denominator = v
      .sqrt()
      .mul((1 - beta2 ** t) ** -0.5)
      .add(epsilon)
    const step = m.div(denominator).mul(learningRate / (1 - beta1 ** t))
    variable.assign(variable.mul(1 - learningRate * weightDecay).sub(step))
  })
}

async function main(): Promise<void> {
  setWasmPaths('/tfjs-wasm/')
  setThreadsCount(2)
  await tf.setBackend('wasm')
  await tf.ready()
  const ids = tokens(options)
  const mask = causalMask()
  const attend = attention(mask)
  const inputs = tf.oneHot(tf.tensor1d(ids.inputs, 'int32'), vocabulary).toFloat()
  const targets = tf.oneHot(tf.tensor1d(ids.targets, 'int32'), vocabulary).toFloat()
  const parameters = initialWeights(options).map(({ name, shape, values }) => {
    const zeros = () => tf.variable(tf.zeros(shape), false)
    return { name, variable: tf.variable(tf.tensor2d(values, shape), true, name), m: zeros(), v: zeros() }
  })
  const weight = new Map(parameters.map(({ name, variable }) => [name, variable as tf.Tensor]))
  let t = 0
  await timeSteps(`tfjs ${tf.version.tfjs} wasm`, getThreadsCount(), options, async () => {
    t++
    const { value, grads } = tf.variableGrads(() =>
      tf.losses.softmaxCrossEntropy(targets, gpt(weight, inputs, attend)).asScalar(),
    )
    const gradients = parameters.map(({ name }) => grads[name] as tf.Tensor)
    const squares = tf.tidy(() => tf.addN(gradients.map((gradient) => gradient.square().sum())).dataSync()[0] ?? 0)
    const scale = Math.min(1, adamW.gradientClip / (Math.sqrt(squares) + 1e-6))
    for (const [i, { variable, m, v }] of parameters.entries())
      update(variable, m, v, gradients[i] as tf.Tensor, scale, t)
    const loss = value.dataSync()[0] ?? Number.NaN
    tf.dispose([value, grads])
    return loss
  })
}

await main()
