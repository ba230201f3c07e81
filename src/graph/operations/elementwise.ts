import type { DType } from '../dtype.ts'
import { type Emitter, type Operation, onnxType } from '../operation.ts'
import { broadcastShapes, floats, integers, requireDtype, requireSameDtype } from '../shape-rules.ts'
import { applyOne, asTensor, type Operand, type Tensor } from '../tensor.ts'
import { equal, greater, where } from './compare.ts'
import { sumTo } from './reduce.ts'

/** Operations without settings. */
type None = Record<never, never>

/** y = f(x), element by element; `derivative(x, y)` is f′ as a tensor. */
function unary(name: string, type: string, derivative: (x: Tensor, y: Tensor) => Operand): Operation<None> {
  return {
    name,
    infer: ([x]) => [{ dtype: requireDtype(name, x!.dtype, floats), shape: x!.shape }],
    gradient: ({ inputs: [x], outputs: [y] }, [g]) => [mul(g!, derivative(x!, y!))],
    lower: (emit, inputs) => emit.node(type, inputs),
  }
}

/** z = f(x, y) with numpy's broadcasting; `partials(x, y, z, g)` are the cotangents before summing. */
function binary(
  name: string,
  type: string,
  partials: (x: Tensor, y: Tensor, z: Tensor, g: Tensor) => [Tensor, Tensor],
  dtypes: readonly DType[] = [...floats, ...integers],
): Operation<None> {
  return {
    name,
    infer: ([x, y]) => [
      { dtype: requireSameDtype(name, [x!, y!], dtypes), shape: broadcastShapes(name, x!.shape, y!.shape) },
    ],
    gradient: ({ inputs: [x, y], outputs: [z] }, [g]) => {
      const [gx, gy] = partials(x!, y!, z!, g!)
      return [sumTo(gx, x!.shape), sumTo(gy, y!.shape)]
    },
    lower: (emit, inputs, _, node) => lowerBinary(emit, type, inputs, node.outputs[0]!.dtype),
  }
}

/** ONNX Runtime has no uint32 arithmetic. Sums and products wrap alike in int32; quotients need int64. */
function lowerBinary(emit: Emitter, type: string, inputs: readonly string[], dtype: DType): string[] {
  if (dtype !== 'uint32') return emit.node(type, inputs)
  const through = { to: { int: type === 'Div' ? onnxType.int64 : onnxType.int32 } }
  const signed = inputs.map((x) => emit.node('Cast', [x], through)[0]!)
  return emit.node('Cast', emit.node(type, signed), { to: { int: onnxType.uint32 } })
}

const negRow = unary('neg', 'Neg', () => -1)
const expRow = unary('exp', 'Exp', (_, y) => y)
const logRow = unary('log', 'Log', (x) => reciprocal(x))
const sqrtRow = unary('sqrt', 'Sqrt', (_, y) => div(0.5, y))
const reciprocalRow = unary('reciprocal', 'Reciprocal', (_, y) => neg(mul(y, y)))
const tanhRow = unary('tanh', 'Tanh', (_, y) => sub(1, mul(y, y)))
const sigmoidRow = unary('sigmoid', 'Sigmoid', (_, y) => mul(y, sub(1, y)))
const erfRow = unary('erf', 'Erf', (x) => mul(exp(neg(mul(x, x))), 2 / Math.sqrt(Math.PI)))
const absRow = unary('abs', 'Abs', (x) => sign(x))
const sinRow = unary('sin', 'Sin', (x) => cos(x))
const cosRow = unary('cos', 'Cos', (x) => neg(sin(x)))
const softplusRow = unary('softplus', 'Softplus', (x) => sigmoid(x))
const reluRow = unary('relu', 'Relu', (_, y) => applyOne(leakySlopeRow, [y], { slope: 0 }))

const signRow: Operation<None> = {
  name: 'sign',
  infer: ([x]) => [{ dtype: requireDtype('sign', x!.dtype, floats), shape: x!.shape }],
  gradient: () => [undefined],
  lower: (emit, inputs) => emit.node('Sign', inputs),
}

const addRow = binary('add', 'Add', (_x, _y, _z, g) => [g, g])
const subRow = binary('sub', 'Sub', (_x, _y, _z, g) => [g, neg(g)])
const mulRow = binary('mul', 'Mul', (x, y, _z, g) => [mul(g, y), mul(g, x)])
const divRow = binary('div', 'Div', (_x, y, z, g) => [div(g, y), neg(div(mul(g, z), y))])
const powRow = binary('pow', 'Pow', (x, y, z, g) => [mul(g, mul(y, pow(x, sub(y, 1)))), mul(g, mul(z, log(x)))], floats)
const maximumRow = binary('maximum', 'Max', (x, y, z, g) => chosen(x, y, z, g), floats)
const minimumRow = binary('minimum', 'Min', (x, y, z, g) => chosen(x, y, z, g), floats)

/** The cotangent goes to whichever operand was chosen, halves of it to both where they tie. */
function chosen(x: Tensor, y: Tensor, z: Tensor, g: Tensor): [Tensor, Tensor] {
  const [ofX, ofY] = [x, y].map((operand) => cast(equal(operand, z), g.dtype)) as [Tensor, Tensor]
  const share = div(g, add(ofX, ofY))
  return [mul(share, ofX), mul(share, ofY)]
}

/** y = x in another dtype; floats to integers truncate towards zero. */
const castRow: Operation<{ readonly to: DType }> = {
  name: 'cast',
  infer: ([x], { to }) => [{ dtype: to, shape: x!.shape }],
  gradient: ({ inputs: [x], attributes }, [g]) => [
    floats.includes(x!.dtype) && floats.includes(attributes.to) ? cast(g!, x!.dtype) : undefined,
  ],
  lower: (emit, inputs, { to }) => emit.node('Cast', inputs, { to: { int: onnxType[to] } }),
}

/** y = x, but nothing flows back. */
const stopGradientRow: Operation<None> = {
  name: 'stopGradient',
  infer: ([x]) => [x!],
  gradient: () => [undefined],
  lower: (_, inputs) => [inputs[0]!],
}

/** y = x · σ(x), SiLU or swish (Elfwing et al. 2017). */
const siluRow: Operation<None> = {
  name: 'silu',
  infer: ([x]) => [{ dtype: requireDtype('silu', x!.dtype, floats), shape: x!.shape }],
  decompose: ([x]) => [mul(x!, sigmoid(x!))],
  gradient: ({ inputs: [x], outputs: [y] }, [g]) => {
    const s = sigmoid(x!)
    return [mul(g!, add(s, mul(y!, sub(1, s))))]
  },
  lower: (emit, inputs) =>
    emit.provider === 'cpu'
      ? emit.node('QuickGelu', inputs, { alpha: { float: 1 } }, { domain: 'com.microsoft' })
      : undefined,
}

/** y = x · Φ(x) (Hendrycks & Gimpel 2016), exactly by erf or by its tanh approximation, as GPT-2 has it. */
const geluRow: Operation<{ readonly approximate: boolean }> = {
  name: 'gelu',
  infer: ([x]) => [{ dtype: requireDtype('gelu', x!.dtype, floats), shape: x!.shape }],
  decompose: ([x], { approximate }) => {
    const z = approximate
      ? tanh(mul(Math.sqrt(2 / Math.PI), mul(x!, add(1, mul(0.044715, mul(x!, x!))))))
      : erf(mul(x!, Math.SQRT1_2))
    return [mul(mul(x!, 0.5), add(z, 1))]
  },
  lower: (emit, inputs, { approximate }) => {
    if (emit.provider !== 'cpu') return undefined
    return emit.node(approximate ? 'FastGelu' : 'Gelu', inputs, {}, { domain: 'com.microsoft' })
  },
}

/** y = max(x, 0)² (So et al. 2021, Primer). */
const reluSquaredRow: Operation<None> = {
  name: 'reluSquared',
  infer: ([x]) => [{ dtype: requireDtype('reluSquared', x!.dtype, floats), shape: x!.shape }],
  decompose: ([x]) => [mul(relu(x!), relu(x!))],
  gradient: ({ inputs: [x] }, [g]) => [mul(mul(g!, 2), relu(x!))],
}

/** y = x where x > 0, slope · x elsewhere (Maas et al. 2013). */
const leakyReluRow: Operation<{ readonly slope: number }> = {
  name: 'leakyRelu',
  infer: ([x]) => [{ dtype: requireDtype('leakyRelu', x!.dtype, floats), shape: x!.shape }],
  gradient: ({ inputs: [x], attributes }, [g]) => [mul(g!, applyOne(leakySlopeRow, [x!], attributes))],
  lower: (emit, inputs, { slope }) => emit.node('LeakyRelu', inputs, { alpha: { float: slope } }),
}

/** y = 1 where x > 0, slope elsewhere: what {@link leakyReluRow}'s gradient is multiplied by. */
const leakySlopeRow: Operation<{ readonly slope: number }> = {
  name: 'leakySlope',
  infer: ([x]) => [{ dtype: requireDtype('leakySlope', x!.dtype, floats), shape: x!.shape }],
  decompose: ([x], { slope }) => [where(greater(x!, 0), asTensor(1, x!.dtype), slope)],
  gradient: () => [undefined],
  // Clipping a steep line takes a third of the time of comparing and choosing (docs/log.md).
  lower: (emit, [x], { slope }, node) => {
    if (emit.provider !== 'cpu' || node.outputs[0]!.dtype !== 'float32' || slope > 1) return undefined
    const number = (value: number) => emit.constant({ dtype: 'float32', shape: [], data: Float32Array.of(value) })
    const [steep] = emit.node('Mul', [x!, number(3e38)])
    return emit.node('Clip', [steep!, number(slope), number(1)])
  },
}

/** −x. */
export const neg = (x: Tensor): Tensor => applyOne(negRow, [x], {})
/** eˣ. */
export const exp = (x: Tensor): Tensor => applyOne(expRow, [x], {})
/** Natural logarithm. */
export const log = (x: Tensor): Tensor => applyOne(logRow, [x], {})
/** √x. */
export const sqrt = (x: Tensor): Tensor => applyOne(sqrtRow, [x], {})
/** 1 / x. */
export const reciprocal = (x: Tensor): Tensor => applyOne(reciprocalRow, [x], {})
/** Hyperbolic tangent. */
export const tanh = (x: Tensor): Tensor => applyOne(tanhRow, [x], {})
/** 1 / (1 + e⁻ˣ). */
export const sigmoid = (x: Tensor): Tensor => applyOne(sigmoidRow, [x], {})
/** Gauss error function. */
export const erf = (x: Tensor): Tensor => applyOne(erfRow, [x], {})
/** |x|; its derivative at 0 is 0. */
export const abs = (x: Tensor): Tensor => applyOne(absRow, [x], {})
/** −1, 0 or 1; its derivative is 0 everywhere. */
export const sign = (x: Tensor): Tensor => applyOne(signRow, [x], {})
/** Sine of radians. */
export const sin = (x: Tensor): Tensor => applyOne(sinRow, [x], {})
/** Cosine of radians. */
export const cos = (x: Tensor): Tensor => applyOne(cosRow, [x], {})
/** log(1 + eˣ), without overflow. */
export const softplus = (x: Tensor): Tensor => applyOne(softplusRow, [x], {})
/** max(x, 0); its derivative at 0 is 0. */
export const relu = (x: Tensor): Tensor => applyOne(reluRow, [x], {})
/** x · σ(x), SiLU or swish (Elfwing et al. 2017). */
export const silu = (x: Tensor): Tensor => applyOne(siluRow, [x], {})
/** x · Φ(x) (Hendrycks & Gimpel 2016), by erf or, `approximate`, by the tanh formula of GPT-2. */
export const gelu = (x: Tensor, approximate = false): Tensor => applyOne(geluRow, [x], { approximate })
/** max(x, 0)² (So et al. 2021). */
export const reluSquared = (x: Tensor): Tensor => applyOne(reluSquaredRow, [x], {})
/** x where x > 0, slope · x elsewhere (Maas et al. 2013); its derivative at 0 is `slope`. */
export const leakyRelu = (x: Tensor, slope: number): Tensor => applyOne(leakyReluRow, [x], { slope })
/** x in another dtype; floats to integers truncate towards zero. */
export const cast = (x: Tensor, to: DType): Tensor => (x.dtype === to ? x : applyOne(castRow, [x], { to }))
/** x, taken as a constant by every gradient. */
export const stopGradient = (x: Tensor): Tensor => applyOne(stopGradientRow, [x], {})

/** x + y, broadcasting. */
export const add = (x: Operand, y: Operand): Tensor => applyBinary(addRow, x, y)
/** x − y, broadcasting. */
export const sub = (x: Operand, y: Operand): Tensor => applyBinary(subRow, x, y)
/** x · y element by element, broadcasting. */
export const mul = (x: Operand, y: Operand): Tensor => applyBinary(mulRow, x, y)
/** x / y, broadcasting; integers truncate towards zero. */
export const div = (x: Operand, y: Operand): Tensor => applyBinary(divRow, x, y)
/** xʸ, broadcasting; x must be positive where y is not a constant. */
export const pow = (x: Operand, y: Operand): Tensor => applyBinary(powRow, x, y)
/** The larger of x and y, broadcasting; ties share the gradient. */
export const maximum = (x: Operand, y: Operand): Tensor => applyBinary(maximumRow, x, y)
/** The smaller of x and y, broadcasting; ties share the gradient. */
export const minimum = (x: Operand, y: Operand): Tensor => applyBinary(minimumRow, x, y)

function applyBinary(row: Operation<None>, x: Operand, y: Operand): Tensor {
  const dtype = typeof x !== 'number' ? x.dtype : typeof y !== 'number' ? y.dtype : 'float32'
  return applyOne(row, [asTensor(x, dtype), asTensor(y, dtype)], {})
}

/** Rows of this file. */
export const elementwiseRows = [
  negRow,
  expRow,
  logRow,
  sqrtRow,
  reciprocalRow,
  tanhRow,
  sigmoidRow,
  erfRow,
  absRow,
  signRow,
  sinRow,
  cosRow,
  softplusRow,
  reluRow,
  siluRow,
  geluRow,
  reluSquaredRow,
  leakyReluRow,
  leakySlopeRow,
  castRow,
  stopGradientRow,
  addRow,
  subRow,
  mulRow,
  divRow,
  powRow,
  maximumRow,
  minimumRow,
]
