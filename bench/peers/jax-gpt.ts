/**
 * The training step of `torch_peers.py gpt` in jax-js on its wasm backend (SIMD, threads): one `jit` function holds forward,
 * backward, clipping and AdamW, so that the library fuses what it can.
 *
 * An array is consumed by the call that it is passed to; `.ref` keeps it for another.
 */
import { defaultDevice, init, type JsTree, jit, nn, numpy as np, tree, valueAndGrad } from '@jax-js/jax'
import { adamW, initialWeights, optionsFromAddress, timeSteps, tokens } from './gpt.ts'

const options = optionsFromAddress()
const { batch, context, vocabulary, width, layers, heads } = options
const headWidth = width / heads

type Weights = Record<string, np.Array>

/** `x / √(mean x² + 1e-5)` over the last axis. */
function norm(x: np.Array): np.Array {
  const square = np.mean(np.square(x.ref), -1, { keepdims: true })
  return x.mul(np.reciprocal(np.sqrt(square.add(1e-5))))
}

const squaredRelu = (x: np.Array) => np.square(nn.relu(x))

const toHeads = (x: np.Array) => x.reshape([batch, context, heads, headWidth]).transpose([0, 2, 1, 3])

/** Causal attention of q, k, v `[batch, heads, context, headWidth]`. */
function attention(q: np.Array, k: np.Array, v: np.Array): np.Array {
  const scores = np.matmul(q, np.matrixTranspose(k)).mul(headWidth ** -0.5)
  const past = np.tri(context, context, 0, { dtype: np.bool })
  return np.matmul(nn.softmax(np.where(past, scores, -1e9), -1), v)
}

function block(x: np.Array, w: Weights, layer: number): np.Array {
  const weight = (name: string) => (w[`${layer}.${name}`] as np.Array).ref
  const normed = norm(x.ref)
  const [q, k, v] = ['q', 'k', 'v'].map((name) => toHeads(np.matmul(normed.ref, weight(name)))) as [
    np.Array,
    np.Array,
    np.Array,
  ]
  normed.dispose()
  const mixed = attention(q, k, v)
    .transpose([0, 2, 1, 3])
    .reshape([batch * context, width])
  const y = x.add(np.matmul(mixed, weight('out')))
  return y.ref.add(np.matmul(squaredRelu(np.matmul(norm(y), weight('up'))), weight('down')))
}

/** Mean cross-entropy; `inputs` and `targets` are one-hot, `[batch · context, vocabulary]`. */
function lossOf(w: Weights, inputs: np.Array, targets: np.Array): np.Array {
  const weight = (name: string) => (w[name] as np.Array).ref
  const embedded = np.matmul(inputs, weight('tokens')).reshape([batch, context, width])
  let x = embedded.add(weight('positions')).reshape([batch * context, width])
  for (let layer = 0; layer < layers; layer++) x = block(x, w, layer)
  const logProbabilities = nn.logSoftmax(np.matmul(norm(x), weight('head')), -1)
  tree.dispose(w)
  return np.sum(logProbabilities.mul(targets)).mul(-1 / (batch * context))
}

/** The factor that brings all gradients' common norm to at most 1; keeps the gradients. */
function clipping(gradients: Weights): np.Array {
  const squares = Object.values(gradients).map((gradient) => np.sum(np.square(gradient.ref)))
  const total = squares.reduce((sum, square) => sum.add(square))
  return np.minimum(np.reciprocal(np.sqrt(total).add(1e-6)).mul(adamW.gradientClip), 1)
}

interface State {
  readonly w: Weights
  readonly m: Weights
  readonly v: Weights
}

/** `correction1` and `correction2` are `1 / (1 − βᵗ)` and `1 / √(1 − βᵗ)`. */
function step(
  w: Weights,
  m: Weights,
  v: Weights,
  correction1: np.Array,
  correction2: np.Array,
  inputs: np.Array,
  targets: np.Array,
) {
  const { learningRate, beta1, beta2, epsilon, weightDecay } = adamW
  const [loss, gradients] = valueAndGrad(lossOf)(tree.ref(w), inputs, targets) as [np.Array, Weights]
  const scale = clipping(gradients)
  const next: State = { w: {}, m: {}, v: {} }
  for (const [name, gradient] of Object.entries(gradients)) {
    const g = gradient.mul(scale.ref)
    const first = (m[name] as np.Array).mul(beta1).add(g.ref.mul(1 - beta1))
    const second = (v[name] as np.Array).mul(beta2).add(np.square(g).mul(1 - beta2))
    const denominator = np.sqrt(second.ref).mul(correction2.ref).add(epsilon)
    const change = first.ref.mul(correction1.ref).mul(learningRate).mul(np.reciprocal(denominator))
    next.w[name] = (w[name] as np.Array).mul(1 - learningRate * weightDecay).sub(change)
    next.m[name] = first
    next.v[name] = second
  }
  tree.dispose([scale, correction1, correction2])
  return [loss, next.w, next.m, next.v] as [np.Array, Weights, Weights, Weights]
}

const oneHot = (ids: Int32Array) => nn.oneHot(np.array(ids), vocabulary).astype(np.float32)

async function main(): Promise<void> {
  await init()
  defaultDevice('wasm')
  const ids = tokens(options)
  const [inputs, targets] = [oneHot(ids.inputs), oneHot(ids.targets)]
  const weights = initialWeights(options)
  const fresh = (make: (weight: (typeof weights)[number]) => np.Array) =>
    Object.fromEntries(weights.map((weight) => [weight.name, make(weight)]))
  let state: State = {
    w: fresh(({ values, shape }) => np.array(values).reshape(shape)),
    m: fresh(({ shape }) => np.zeros(shape)),
    v: fresh(({ shape }) => np.zeros(shape)),
  }
  const compiled = jit(step as (...args: JsTree<np.Array>[]) => JsTree<np.Array>) as unknown as typeof step
  let t = 0
  await timeSteps('jax-js 0.1.25 wasm', navigator.hardwareConcurrency, options, async () => {
    t++
    const corrections = [1 / (1 - adamW.beta1 ** t), (1 - adamW.beta2 ** t) ** -0.5].map((x) => np.array(x)) as [
      np.Array,
      np.Array,
    ]
    const [loss, w, m, v] = compiled(state.w, state.m, state.v, ...corrections, inputs.ref, targets.ref)
    state = { w, m, v }
    await Promise.all(
      [...Object.values(w), ...Object.values(m), ...Object.values(v)].map((array) => array.blockUntilReady()),
    )
    return Number((await loss.data())[0])
  })
}

await main()
