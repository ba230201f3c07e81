import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { remakeArtifact } from './remake.ts'
import { runToEnd, temporaryFolder, tinySizes, tinyText } from './testing/tiny-run.ts'
import { TextModel } from './text-model.ts'

const { fresh, file, remove } = temporaryFolder()
afterAll(remove)

describe('TextModel with a form', () => {
  let model: TextModel

  beforeAll(async () => {
    const data = [file('tiny.txt', `${tinyText(100)}{"age": 0123456789, "name": []}\n`)]
    const set = { ...tinySizes, contextLength: 64, evaluations: 1 }
    const { run } = await runToEnd({ data, out: fresh(), set, budget: { steps: 5 } })
    model = await TextModel.load(run, { threads: 1 })
  })
  afterAll(() => model.release())

  it('writes what a regular expression, a JSON schema or a grammar asks for', async () => {
    const chance = { temperature: 1.5, topP: 1, n: 4, maxTokens: 40 }
    const regex = '(The|the) [a-z]{2,8}( [a-z]+)*\\.'
    for (const { text } of await model.complete(['The old'], { ...chance, regex })) {
      expect(text).toMatch(new RegExp(`^${regex}$`))
    }
    const jsonSchema = { properties: { age: { type: 'integer', maximum: 99 } }, required: ['age'] }
    for (const schema of [jsonSchema, JSON.stringify(jsonSchema)]) {
      for (const { text } of await model.complete(['T'], { ...chance, jsonSchema: schema })) {
        expect((JSON.parse(text) as { age: number }).age).toBeLessThan(100)
      }
    }
    for (const { text } of await model.complete(['T'], { ...chance, grammar: 'haiku' })) {
      expect(text.split('\n')).toHaveLength(3)
    }
  })

  it('keeps the form in the record, from which the same is made again', async () => {
    const grammar = 'root ::= "{" [a-z]+ "}"'
    const [artifact] = await model.complete(['The'], { grammar, maxTokens: 12, seed: 4 })
    expect(artifact!.text).toMatch(/^\{[a-z]+\}$/)
    expect(artifact!.settings.grammar).toBe(grammar)
    const { identical } = await remakeArtifact(file('form.json', JSON.stringify(artifact)))
    expect(identical).toBe(true)
  })

  it('gives as many texts of a beam search as the form has, and remakes them', async () => {
    const found = await model.complete(['The', 'T'], { regex: '[ab]', beams: 4, n: 4, seed: 1 })
    for (const prompt of ['The', 'T']) {
      const texts = found.filter((made) => made.prompt === prompt).map(({ text }) => text)
      expect(['a', 'b', 'a,b', 'b,a']).toContain(texts.join())
    }
    expect((await remakeArtifact(file('few.json', JSON.stringify({ artifacts: found })))).identical).toBe(true)
  })

  it('says what cannot be before it writes', async () => {
    const refuse = (settings: object) => expect(model.complete(['The'], settings)).rejects
    await refuse({ regex: '[a-z]{30}', maxTokens: 20 }).toThrow(/room for 20 tokens, wanted at least 30/)
    await refuse({ regex: '§+' }).toThrow(/vocabulary cannot spell/)
    await refuse({ regex: '(' }).toThrow(/line 1, column 1/)
    await refuse({ grammar: 'hiaku' }).toThrow(/did you mean 'haiku'/)
    await refuse({ jsonSchema: '{' }).toThrow(/it is not JSON/)
  })
})
