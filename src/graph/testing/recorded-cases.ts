import * as g from '../index.ts'
import { type FixtureTensor, hostTensor, readFixture } from './fixture.ts'

/** One application of an operation with its inputs and its gold. */
export interface OperationCase {
  readonly row: string
  /** Its name in test/fixtures/operations/operations.json. */
  readonly name: string
  readonly build: (x: readonly g.Tensor[]) => g.Tensor[]
  /** `slopes`: checked against differences; `finite`: at an extreme or a tie, so only finite; `none`: of whole numbers. */
  readonly gradient: 'slopes' | 'finite' | 'none'
  readonly inputs: readonly g.HostTensor[]
  readonly outputs: readonly g.HostTensor[]
}

/** Builds the outputs of a case. */
export type Build = (...x: g.Tensor[]) => g.Tensor | g.Tensor[]
interface Recorded {
  readonly inputs: readonly FixtureTensor[]
  readonly outputs: readonly FixtureTensor[]
}

const recorded = readFixture<Record<string, Recorded>>('operations/operations.json')

/** Cases of `row`: a name alone, or a name with a way to build it that is not the row's usual one. */
export function cases(
  row: string,
  usual: Build,
  names: readonly (string | readonly [string, Build])[],
): OperationCase[] {
  return names.map((entry) => {
    const [name, build] = typeof entry === 'string' ? [entry, usual] : entry
    const fixture = recorded[name]
    if (!fixture) throw new Error(`operations.json has no case ${name}; run make.py`)
    const inputs = fixture.inputs.map(hostTensor)
    const floating = inputs.some(({ dtype }) => dtype === 'float32')
    const gradient = !floating ? 'none' : /extremes|ties|zeros/.test(name) ? 'finite' : 'slopes'
    const outputs = fixture.outputs.map(hostTensor)
    return { row, name, build: (x) => [build(...x)].flat(), gradient, inputs, outputs }
  })
}

/** A row applied as it stands, for outputs that no function gives. */
export function raw(row: string, attributes: object = {}): Build {
  return (...x) => g.apply(g.operations.get(row) as unknown as g.Operation, x, attributes)
}

/** Names in the fixture, to see that none is forgotten. */
export const recordedNames: readonly string[] = Object.keys(recorded)
