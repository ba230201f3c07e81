/**
 * What both JavaScript peers share: the sizes of `torch_peers.py gpt`, its weights' initial distribution, and the timing.
 * Weights and tokens come from one integer hash, which `gpt_losses.py` repeats in numpy, so that losses can be compared.
 */
export interface GptOptions {
  readonly batch: number
  readonly context: number
  readonly vocabulary: number
  readonly width: number
  readonly layers: number
  readonly heads: number
  readonly steps: number
}

const defaults: GptOptions = { batch: 12, context: 256, vocabulary: 65, width: 384, layers: 6, heads: 6, steps: 5 }

/** AdamW as `torch_peers.py` sets it, and the norm that gradients are clipped to. */
export const adamW = { learningRate: 1e-3, beta1: 0.9, beta2: 0.95, epsilon: 1e-8, weightDecay: 0.1, gradientClip: 1 }

/** The options in the page's address: `?batch=4&steps=3`. */
export function optionsFromAddress(): GptOptions {
  const given = Object.fromEntries(
    [...new URLSearchParams(location.search)].map(([key, value]) => [key, Number(value)]),
  )
  return { ...defaults, ...given }
}

/** Elements `0..length` of stream `stream`, uniform in [0, 1). */
function uniform(stream: number, length: number): Float64Array {
  return Float64Array.from({ length }, (_, index) => {
    let x = (index + Math.imul(stream, 0x9e3779b9)) | 0
    x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
    x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
    return ((x ^ (x >>> 16)) >>> 0) / 2 ** 32
  })
}

/** One weight: its name, its shape `[in, out]` (a table's is `[rows, width]`) and its first values. */
export interface InitialWeight {
  readonly name: string
  readonly shape: [number, number]
  readonly values: Float32Array
}

/** All weights in a fixed order; q, k and v apart, each `[width, width]`. */
export function initialWeights({ vocabulary, context, width, layers }: GptOptions): InitialWeight[] {
  const linear = (name: string, from: number, to: number) => ({ name, shape: [from, to] as const, scale: from ** -0.5 })
  const table = (name: string, rows: number) => ({ name, shape: [rows, width] as const, scale: 3 ** 0.5 })
  const blocks = Array.from({ length: layers }, (_, layer) => [
    ...['q', 'k', 'v', 'out'].map((name) => linear(`${layer}.${name}`, width, width)),
    linear(`${layer}.up`, width, 4 * width),
    linear(`${layer}.down`, 4 * width, width),
  ])
  const all = [
    table('tokens', vocabulary),
    table('positions', context),
    ...blocks.flat(),
    linear('head', width, vocabulary),
  ]
  return all.map(({ name, shape, scale }, stream) => ({
    name,
    shape: [...shape],
    values: Float32Array.from(uniform(stream, shape[0] * shape[1]), (u) => (2 * u - 1) * scale),
  }))
}

/** One batch, `[batch, context]` each: the tokens and those that follow them. */
export function tokens({ batch, context, vocabulary }: GptOptions): { inputs: Int32Array; targets: Int32Array } {
  const ids = Int32Array.from(uniform(999, batch * (context + 1)), (u) => Math.floor(u * vocabulary))
  const rows = (from: number) =>
    Int32Array.from(
      { length: batch * context },
      (_, i) => ids[Math.floor(i / context) * (context + 1) + (i % context) + from] ?? 0,
    )
  return { inputs: rows(0), targets: rows(1) }
}

/** Runs two steps to warm up, times `steps` more, and prints the line that `run.mjs` waits for. */
export async function timeSteps(
  library: string,
  threads: number,
  options: GptOptions,
  step: () => Promise<number>,
): Promise<void> {
  const losses: number[] = []
  const seconds: number[] = []
  for (let index = 0; index < options.steps + 2; index++) {
    const begin = performance.now()
    losses.push(await step())
    if (index >= 2) seconds.push((performance.now() - begin) / 1e3)
  }
  seconds.sort((a, b) => a - b)
  const { batch, context, width, layers } = options
  const parameters = initialWeights(options).reduce((sum, { values }) => sum + values.length, 0)
  const flops = (6 * parameters + 12 * layers * context * width) * batch * context
  const median = seconds[Math.floor(seconds.length / 2)] ?? Number.NaN
  const result = {
    best_s: seconds[0],
    median_s: median,
    tokens_per_s: (batch * context) / median,
    gflops: flops / median / 1e9,
  }
  console.log(JSON.stringify({ job: 'gpt', library, parameters, ...result, threads, losses }))
}
