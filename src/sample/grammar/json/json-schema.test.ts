import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../../errors.ts'
import { GrammarConstraint } from '../grammar-constraint.ts'
import { drawTexts } from '../testing/draw-text.ts'
import { matches } from '../testing/matches.ts'
import { bytesAnd } from '../testing/vocabularies.ts'
import { jsonSchemaGrammar } from './json-schema.ts'

const tokens = [
  '{"',
  '":',
  '", "',
  ' "',
  '"}',
  'the',
  'name',
  'true',
  '00',
  '12',
  'é',
  '😀',
  '\\u',
  '  ',
  '\n',
  ']}',
  '"a"',
]
const vocabulary = bytesAnd(...tokens)
const ajv = new Ajv2020({ strict: false })
addFormats.default(ajv)

const tree = {
  $ref: '#/$defs/tree',
  $defs: {
    tree: {
      type: 'object',
      properties: { value: { type: 'integer' }, children: { type: 'array', items: { $ref: '#/$defs/tree' } } },
      required: ['value', 'children'],
      additionalProperties: false,
    },
  },
}

const schemas: Readonly<Record<string, unknown>> = {
  'any value': {},
  true: true,
  'required and optional properties': {
    type: 'object',
    properties: { name: { type: 'string', maxLength: 5 }, age: { type: 'integer', minimum: -3, maximum: 120 }, x: {} },
    required: ['age'],
  },
  'additional properties, but not the listed names': {
    type: 'object',
    properties: { a: { type: 'string' }, ab: { type: 'number' } },
    required: ['ab'],
    additionalProperties: { type: 'integer' },
  },
  'a map': { type: 'object', additionalProperties: { type: 'boolean' } },
  'names that need escapes': { properties: { 'a"\n': { const: 1 }, 'é/~': { const: 2 } }, required: ['a"\n', 'é/~'] },
  'required names that are not listed': { type: 'object', required: ['b'] },
  'lists of numbers between fractions': {
    type: 'array',
    items: { type: 'number', minimum: 0.5, exclusiveMaximum: 12.25 },
    minItems: 1,
    maxItems: 4,
  },
  'small numbers': { type: 'number', minimum: -0.05, maximum: 0.031 },
  'huge integers': { type: 'integer', minimum: 1e18 },
  'integers by fractional bounds': { type: 'integer', exclusiveMinimum: -12.5, maximum: 1007.9 },
  'prefix items': {
    type: 'array',
    prefixItems: [{ type: 'string' }, { type: 'null' }],
    items: { type: 'integer' },
    minItems: 1,
    maxItems: 5,
  },
  'prefix items alone': { type: 'array', prefixItems: [{ type: 'string' }, { type: 'null' }], items: false },
  'more items than are described': { type: 'array', prefixItems: [{ const: 1 }], minItems: 3, maxItems: 3 },
  'several types': { type: ['integer', 'null', 'boolean'], minimum: 7, exclusiveMaximum: 1000 },
  'string lengths': { type: 'string', minLength: 2, maxLength: 3 },
  'a recursive reference': tree,
  'a reference beside keywords': {
    $ref: '#/definitions/name',
    maxLength: 4,
    definitions: { name: { type: 'string', minLength: 1 } },
  },
  anyOf: { anyOf: [{ type: 'string', pattern: '^[a-c"]+$', maxLength: 4 }, { enum: [1, 'x', { a: [1, 2] }] }] },
  'anyOf beside keywords': {
    type: 'object',
    properties: { a: { type: 'string' } },
    anyOf: [{ required: ['a'] }, { properties: { b: { type: 'string', minLength: 2 } }, required: ['b'] }],
  },
  allOf: {
    allOf: [
      { type: 'object', properties: { a: { type: 'integer', minimum: 2 } }, required: ['a'] },
      { properties: { a: { maximum: 5 }, b: { const: null } }, required: ['b'] },
    ],
  },
  'a pattern without anchors': { type: 'string', pattern: 'ab' },
  ...Object.fromEntries(
    ['date', 'time', 'date-time', 'uuid', 'email', 'hostname', 'ipv4'].map((format) => [
      format,
      { type: 'string', format },
    ]),
  ),
}

describe('jsonSchemaGrammar', () => {
  it.each(Object.keys(schemas))('writes only what ajv takes: %s', (name) => {
    const schema = schemas[name] as object
    const constraint = new GrammarConstraint(jsonSchemaGrammar(schema), vocabulary, [vocabulary.size])
    const validate = ajv.compile(schema)
    for (const more of [0, 1, 5, 60]) {
      for (const text of drawTexts(constraint, vocabulary, constraint.shortest + more, 20)) {
        expect([text, validate(JSON.parse(text)), validate.errors]).toEqual([text, true, null])
      }
    }
  })

  it('takes nullable for another type', () => {
    const grammar = jsonSchemaGrammar({ type: 'integer', nullable: true, maximum: 3 })
    expect(['null', '3', '-17'].map((text) => matches(grammar, text))).toEqual([true, true, true])
    expect(['4', '1.0', 'true'].map((text) => matches(grammar, text))).toEqual([false, false, false])
  })

  it('holds integers to their bounds exactly', () => {
    for (const [minimum, maximum] of [
      [-12, 105],
      [0, 9],
      [37, 37],
      [-205, -99],
      [99, 1000],
      [-1, 1],
    ] as const) {
      const grammar = jsonSchemaGrammar({ type: 'integer', minimum, maximum })
      const values = Array.from({ length: 2201 }, (_, i) => i - 1100)
      const wrong = values.filter((value) => matches(grammar, String(value)) !== (value >= minimum && value <= maximum))
      expect([minimum, maximum, wrong]).toEqual([minimum, maximum, []])
      expect(['-0', '01', '+1', ''].some((text) => matches(grammar, text))).toBe(false)
    }
  })

  it('holds numbers to their bounds exactly, to the places that the bounds have', () => {
    const grammar = jsonSchemaGrammar({ type: 'number', minimum: -1.25, exclusiveMaximum: 0.5 })
    for (let hundredths = -300; hundredths <= 300; hundredths++) {
      const text = (hundredths / 100).toFixed(2)
      const wanted = hundredths >= -125 && hundredths < 50 && text !== '-0.00'
      expect([text, matches(grammar, text)]).toEqual([text, wanted])
    }
  })

  it('bounds integers, white space and their like by default', () => {
    const grammar = jsonSchemaGrammar({ type: 'array', items: { type: 'integer' } })
    expect(matches(grammar, `[${'9'.repeat(15)}]`)).toBe(true)
    expect(matches(grammar, `[${'9'.repeat(16)}]`)).toBe(false)
    expect(matches(grammar, '[\n  1, 2\n]')).toBe(true)
    expect(matches(grammar, '[  1]')).toBe(false)
  })

  it.each([
    [{ type: 'strin' }, '/type: got "strin", wanted one of object'],
    [{ properties: { a: { not: {} } } }, "/properties/a/not: the keyword 'not' is not supported"],
    [{ anyOf: [{ type: 'string' }, { uniqueItems: true }] }, "/anyOf/1/uniqueItems: the keyword 'uniqueItems' is not"],
    [{ requierd: ['a'] }, "/requierd: the keyword 'requierd' is unknown; did you mean 'required'?"],
    [{ properties: { 'a/b': { multipleOf: 2 } } }, "/properties/a~1b/multipleOf: the keyword 'multipleOf'"],
    [{ $ref: 'http://example.org/x.json' }, "/$ref: got 'http://example.org/x.json', wanted # or #/…"],
    [{ $ref: '#/$defs/lost' }, "/$ref: got '#/$defs/lost', where there is no schema"],
    [{ type: 'string', format: 'foo' }, "/format: the format 'foo' is not supported"],
    [{ type: 'string', pattern: '(?=a)' }, '/pattern: line 1, column 1: lookahead'],
    [{ type: 'string', pattern: '^(ab)*$', maxLength: 3 }, "'minLength' or 'maxLength' beside this pattern"],
    [{ type: 'integer', minimum: 3, maximum: 2 }, 'no whole number lies within its bounds'],
    [{ allOf: [{ $ref: '#' }] }, 'it asks for itself'],
    [{ allOf: [{ type: 'string' }, { type: 'object' }] }, 'no value has the types string and object at once'],
    [{ items: [{}] }, '/items: got [{}], wanted a schema'],
    [false, 'at its root: got false'],
    [3, 'at its root: got 3, wanted an object'],
  ])('says where %j is wrong', (schema, message) => {
    expect(() => jsonSchemaGrammar(schema)).toThrow(message)
  })

  const node = { $ref: '#/$defs/node' }
  const takes = (schema: object, value: string) => matches(jsonSchemaGrammar(schema), value)

  it('comes to an end with what refers to itself by allOf and anyOf', () => {
    const tree = (child: object) => ({ type: 'object', properties: { child }, additionalProperties: false })
    const joined = {
      ...node,
      $defs: { base: tree(node), node: { allOf: [{ $ref: '#/$defs/base' }, { properties: { child: node } }] } },
    }
    expect(takes(joined, '{"child":{"child":{}}}')).toBe(true)
    expect(takes(joined, '{"child":[]}')).toBe(false)
    const lists = {
      ...node,
      $defs: { node: { type: 'array', items: node, anyOf: [{ items: { type: 'array' } }, { maxItems: 2 }] } },
    }
    expect(takes(lists, '[[],[[]]]')).toBe(true)
    expect(() => jsonSchemaGrammar({ type: 'string', anyOf: [{ $ref: '#' }, { minLength: 1 }] })).not.toThrow(
      RangeError,
    )
  })

  it.each([
    { allOf: [{ items: { allOf: 5 } }, { items: { type: 'string' } }] },
    { allOf: [{ items: { type: 'string' } }, { items: { allOf: [] } }] },
  ])('refuses what joins no list of schemas: %j', (schema) => {
    expect(() => jsonSchemaGrammar({ type: 'array', ...schema })).toThrow(ConfigError)
  })

  it('refuses what nests too deep', () => {
    let deep: object = { type: 'array' }
    for (let i = 0; i < 5000; i++) deep = { type: 'array', items: deep }
    expect(() => jsonSchemaGrammar(deep)).toThrow('it nests more than 500 levels; simplify it')
  })

  it('refuses schemas that no finite value fits', () => {
    const endless = { type: 'array', items: { $ref: '#' }, minItems: 1 }
    expect(() => new GrammarConstraint(jsonSchemaGrammar(endless), vocabulary)).toThrow(/never come to an end/)
    expect(() => new GrammarConstraint(jsonSchemaGrammar({ $ref: '#' }), vocabulary)).toThrow(/begins with itself/)
  })
})
