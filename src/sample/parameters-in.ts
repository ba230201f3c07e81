import { inputName, inputsFirst, type Tensor } from '../graph/tensor.ts'
import type { Scope } from '../nn/parameters.ts'

/** The names of those parameters of `scope` that a graph reads. */
export function parametersIn(outputs: Readonly<Record<string, Tensor>>, scope: Scope): string[] {
  const nodes = inputsFirst(Object.values(outputs).map(({ node }) => node))
  const read = new Set([...nodes].map(({ outputs: [first] }) => inputName(first!)))
  return [...scope.parameters.keys()].filter((name) => read.has(name))
}
