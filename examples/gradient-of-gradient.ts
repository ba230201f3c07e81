/**
 * A graph, its gradient, and the gradient of that: f(x) = Σ x³, f′ = 3 x², f″ = 6 x.
 *
 *     npm run example -- gradient-of-gradient
 */
import assert from 'node:assert/strict'
import { float32, gradients, input, mul, sum } from '../src/graph/index.ts'
import { lower } from '../src/onnx/index.ts'
import { createEngine } from '../src/runtime/index.ts'

const x = input('x', 'float32', [3])
const f = sum(mul(x, mul(x, x)))
const [first] = gradients(f, [x])
const [second] = gradients(sum(first!), [x])

const engine = await createEngine('cpu')
const program = lower({ first: first!, second: second! }, { provider: engine.provider })
const session = await engine.createSession(program.bytes)
const fed = engine.createBuffer(float32([1, 2, 3], [3]))
const outputs = {
  first: engine.createBuffer({ dtype: 'float32', shape: [3] }),
  second: engine.createBuffer({ dtype: 'float32', shape: [3] }),
}
await session.bind({ x: fed }, outputs).run()

assert.deepEqual([...(await outputs.first.read())], [3, 12, 27])
assert.deepEqual([...(await outputs.second.read())], [6, 12, 18])
console.log('f′ =', [...(await outputs.first.read())], 'f″ =', [...(await outputs.second.read())])
await engine.close()
