/**
 * What a grammar costs a token, and whether all that is written follows it: a JSON schema of ten fields, a vocabulary
 * of 32,768 tokens, 1,000 texts at temperature 1.5 from logits of an untrained model, with budgets from the shortest.
 */
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
const begin = performance.now()
const constraint = new GrammarConstraint(jsonSchemaGrammar(schema), vocabulary, [end])
const { shortest } = constraint
const readyMs = performance.now() - begin

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

/** The schema's own check, apart from the grammar. */
function isValid(written: string): boolean {
  const value = JSON.parse(written) as Record<string, unknown>
  const { name, age, role, isActive, id } = value
  return (
    schema.required.every((key) => Object.hasOwn(value, key)) &&
    Object.keys(value).every((key) => Object.hasOwn(schema.properties, key)) &&
    [...String(name)].length <= 40 &&
    Number.isInteger(age) &&
    Number(age) >= 0 &&
    Number(age) <= 120 &&
    schema.properties.role.enum.includes(String(role)) &&
    typeof isActive === 'boolean' &&
    /^[0-9a-f-]{36}$/.test(String(id))
  )
}

const budgets = [shortest, shortest + 1, shortest + 10, 150, 250]
const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
const [first] = [write(250)]
const coldMs = mean(times)
times.length = 0
const written = Array.from({ length: texts }, (_, i) => write(budgets[i % budgets.length]!))
const valid = written.filter((one) => isValid(one)).length + 0
const sorted = [...times].sort((a, b) => a - b)
console.log(first.slice(0, 200))
const name = `JSON schema of 10 fields, vocabulary ${vocabSize}`
record('grammar', [
  { measure: `${name}: a token, mean of ${texts} texts`, value: mean(times), unit: 'ms', bar: '≤ 1 ms, aim 0.1' },
  { measure: `${name}: a token, median`, value: sorted[sorted.length >> 1]!, unit: 'ms' },
  { measure: `${name}: a token, 99th percentile`, value: sorted[Math.floor(sorted.length * 0.99)]!, unit: 'ms' },
  { measure: `${name}: a token of the first text, mean`, value: coldMs, unit: 'ms', bar: '≤ 1 ms' },
  { measure: `${name}: from schema to ready`, value: readyMs, unit: 'ms' },
  {
    measure: `texts of ${texts} that parse and follow the schema`,
    value: valid,
    unit: 'texts',
    bar: `= ${texts}`,
    note: `temperature 1.5, budgets ${budgets.join(', ')} tokens`,
  },
])
