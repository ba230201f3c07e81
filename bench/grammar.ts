/**
 * What a grammar costs a token, and whether all that is written follows it: a JSON schema of ten fields, a vocabulary
 * of 32,768 tokens, 1,000 texts at temperature 1.5 from logits of an untrained model, with budgets from the shortest.
 */
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { Random } from '../src/random/random.ts'
import { GrammarConstraint } from '../src/sample/grammar/grammar-constraint.ts'
import { jsonSchemaGrammar } from '../src/sample/grammar/json/json-schema.ts'
import { vocabularyOf } from '../src/sample/grammar/vocabulary.ts'
import { createHistory } from '../src/sample/history.ts'
import { resolveSamplerSettings } from '../src/sample/resolve-settings.ts'
import { Sampler } from '../src/sample/sampler.ts'
import { everyWordOf } from './models/vocabulary.ts'
import { record } from './record.ts'

const vocabSize = 32_768
const end = vocabSize - 1
const texts = 1_000
const text = (maxLength: number) => ({ type: 'string', maxLength })
const schema = {
  type: 'object',
  properties: {
    id: { type: 'string', format: 'uuid' },
    name: text(40),
    age: { type: 'integer', minimum: 0, maximum: 120 },
    height: { type: 'number' },
    email: { type: 'string', format: 'email' },
    born: { type: 'string', format: 'date' },
    tags: { type: 'array', items: text(12), maxItems: 5 },
    role: { enum: ['reader', 'writer', 'editor'] },
    isActive: { type: 'boolean' },
    address: { type: 'object', properties: { street: text(40), city: text(30) }, required: ['city'] },
  },
  required: ['id', 'name', 'age', 'email', 'role', 'isActive'],
}

const random = Random.seed(1).split('grammar bench')
const vocabulary = vocabularyOf(everyWordOf(end))
const fresh = () => new GrammarConstraint(jsonSchemaGrammar(schema), vocabulary, [end])
let constraint = fresh()
const { shortest } = constraint

/** Milliseconds that the constraint took of each id. */
const times: number[] = []
const timed = {
  check: () => {},
  isOver: () => false,
  apply: (...given: Parameters<GrammarConstraint['apply']>) => {
    const start = performance.now()
    constraint.apply(...given)
    times.push(performance.now() - start)
  },
}
const settings = resolveSamplerSettings({ temperature: 1.5, topP: 1 })
const sampler = new Sampler(settings, { vocabSize, capacity: 1024, constraint: timed })
const rows = Array.from({ length: 8 }, () => {
  const row = new Float32Array(vocabSize)
  random.fillGaussian(row, 1)
  return row
})

/** One text as an untrained model writes it. */
function write(budget: number): string {
  const history = createHistory([0], budget + 1)
  while (history.length < budget + 1) {
    const step = history.length - 1
    const id = sampler.choose(rows[random.integer(rows.length)]!, { row: 0, step, history }, random)
    if (id === end) break
    history.ids[history.length++] = id
  }
  const bytes = [...history.ids.slice(1, history.length)].flatMap((id) => [...vocabulary.later[id]!])
  return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(bytes))
}

const ajv = new Ajv2020()
addFormats.default(ajv)
const follows = ajv.compile(schema)

const budgets = [shortest, shortest + 1, shortest + 10, 150, 250]
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
/** The mean milliseconds a token of one text by a constraint that has seen none. */
function coldMs(): number {
  constraint = fresh()
  times.length = 0
  write(250)
  return mean(times)
}

const first = coldMs()
const colds = Array.from({ length: 10 }, coldMs).sort((a, b) => a - b)
const begin = performance.now()
constraint = fresh()
const readyMs = performance.now() - begin
times.length = 0
const written = Array.from({ length: texts }, (_, i) => write(budgets[i % budgets.length]!))
const valid = written.filter((one) => follows(JSON.parse(one))).length
const sorted = [...times].sort((a, b) => a - b)
console.log(written.slice(0, 3).join('\n'))
const name = `JSON schema of 10 fields, vocabulary ${vocabSize}`
record('grammar', [
  { measure: `${name}: a token, mean of ${texts} texts`, value: mean(times), unit: 'ms', bar: '≤ 1 ms, aim 0.1' },
  { measure: `${name}: a token, median`, value: sorted[sorted.length >> 1]!, unit: 'ms' },
  { measure: `${name}: a token, 99th percentile`, value: sorted[Math.floor(sorted.length * 0.99)]!, unit: 'ms' },
  { measure: `${name}: a token of a first text, mean; median of 10`, value: colds[5]!, unit: 'ms', bar: '≤ 1 ms' },
  { measure: `${name}: the same, the first in its process`, value: first, unit: 'ms' },
  { measure: `${name}: from schema to ready`, value: readyMs, unit: 'ms' },
  {
    measure: `texts of ${texts} that parse and follow the schema`,
    value: valid,
    unit: 'texts',
    bar: `= ${texts}`,
    note: `temperature 1.5, budgets ${budgets.join(', ')} tokens`,
  },
])
