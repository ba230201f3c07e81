import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Engine } from '../../runtime/engine.ts'
import { createEngine } from '../../runtime/index.ts'
import type { TypedArray } from '../dtype.ts'
import { gradients } from '../gradient.ts'
import { input, type Node, type Tensor } from '../tensor.ts'
import { expectSlopes, slopes } from '../testing/differences.ts'
import { expand } from '../testing/expand.ts'
import { operationCases } from '../testing/operation-cases.ts'
import { evaluate } from '../testing/program.ts'
import { type OperationCase, recordedNames } from '../testing/recorded-cases.ts'
import { expectClose } from '../testing/tolerance.ts'
import { add } from './elementwise.ts'
import { operations } from './index.ts'
import { sum } from './reduce.ts'

let engine: Engine

beforeAll(async () => {
  engine = await createEngine('cpu', { threads: 2 })
})
afterAll(() => engine.close())

/** Rows whose gradient is undefined by intention: cached decoding, and the largest of windows that overlap. */
const inferenceOnly = new Set(['cachedAttention', 'maxPool2d'])
/** Inputs that are constants to every gradient, by the documentation of the row. */
const constants: Readonly<Record<string, number>> = { rotary: 1 }
const zeroGradient = new Set(['stopGradient', 'sign', 'equal', 'less', 'greater', 'argMax', 'cast', 'leakySlope'])

function graphOf({ row, build, inputs }: OperationCase) {
  const x = inputs.map(({ dtype, shape }, i) => input(`x${i}`, dtype, shape))
  const outputs = build(x)
  const wrt = x.slice(0, constants[row]).filter(({ dtype }) => dtype === 'float32')
  const feeds = Object.fromEntries(inputs.map(({ data }, i) => [`x${i}`, data]))
  return { outputs, wrt, feeds }
}

const named = (tensors: readonly Tensor[], prefix = 'y') =>
  Object.fromEntries(tensors.map((tensor, i) => [`${prefix}${i}`, tensor]))

function contains(outputs: readonly Tensor[], row: string): boolean {
  const seen = new Set<Node>()
  const visit = ({ node }: Tensor): boolean => {
    if (seen.has(node)) return false
    seen.add(node)
    return node.operation.name === row || node.inputs.some(visit)
  }
  return outputs.some(visit)
}

/** Values and, where there are any, first gradients: what two ways to compute must agree on. */
function withGradients(graph: ReturnType<typeof graphOf>, outputs: readonly Tensor[], differentiable: boolean) {
  const floating = outputs.filter(({ dtype }) => dtype === 'float32')
  if (!differentiable || floating.length === 0) return named(outputs)
  const loss = floating.map((y) => sum(y)).reduce((a, b) => add(a, b))
  return { ...named(outputs), ...named(gradients(loss, graph.wrt), 'gradient') }
}

describe('the table of operations', () => {
  it('has a case for every row, and a row for every case', () => {
    expect([...new Set(operationCases.map(({ row }) => row))].sort()).toEqual([...operations.keys()].sort())
  })

  it('uses every case of the fixture', () => {
    expect(operationCases.map(({ name }) => name).sort()).toEqual([...recordedNames].sort())
  })
})

describe.each([...operations.keys()])('%s', (row) => {
  for (const sample of operationCases.filter((other) => other.row === row)) {
    const differentiable = sample.gradient !== 'none' && !inferenceOnly.has(row)

    it(`${sample.name}: the reference's value, by every lowering and decomposition`, async () => {
      const graph = graphOf(sample)
      expect(contains(graph.outputs, row)).toBe(true)
      const cpu = await evaluate(engine, withGradients(graph, graph.outputs, differentiable), graph.feeds)
      for (const [i, gold] of sample.outputs.entries()) {
        expect(graph.outputs[i]).toMatchObject({ dtype: gold.dtype, shape: gold.shape })
        expectClose(cpu[`y${i}`]!, gold.data, { what: `output ${i}` })
      }
      const agree = (other: Record<string, TypedArray>, what: string) => {
        for (const [name, value] of Object.entries(cpu))
          expectClose(other[name]!, value, { relative: 2e-5, absolute: 5e-6, what: `${what} ${name}` })
      }
      if (!inferenceOnly.has(row)) {
        const all = withGradients(graph, graph.outputs, differentiable)
        agree(await evaluate(engine, all, graph.feeds, { provider: 'webgpu' }), 'plain lowering')
      }
      if (!operations.get(row)!.decompose) return
      const expanded = withGradients(graph, expand(graph.outputs, row), differentiable)
      agree(await evaluate(engine, expanded, graph.feeds, { provider: 'webgpu' }), 'decomposition')
    })

    const floatingOutput = graphOf(sample).outputs.some(({ dtype }) => dtype === 'float32')
    if (differentiable && floatingOutput && sample.gradient === 'slopes' && row !== 'stopGradient') {
      it(`${sample.name}: first and second gradient by differences`, async () => {
        const { outputs, wrt, feeds } = graphOf(sample)
        const found = await slopes(engine, outputs, wrt, feeds)
        expect(zeroGradient.has(row) || found.some(({ order, rule }) => order === 1 && Math.abs(rule) > 0.05)).toBe(
          true,
        )
        expectSlopes(found)
      })
    } else if (differentiable && sample.gradient === 'finite' && floatingOutput) {
      it(`${sample.name}: finite gradients`, async () => {
        const graph = graphOf(sample)
        const values = await evaluate(engine, withGradients(graph, graph.outputs, true), graph.feeds)
        for (const [name, value] of Object.entries(values))
          expect(
            [...value].every((element) => Number.isFinite(Number(element))),
            name,
          ).toBe(true)
      })
    }
  }
})
