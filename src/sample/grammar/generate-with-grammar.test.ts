import { describe, expect, it } from 'vitest'
import { complete } from '../complete.ts'
import type { GenerateOptions } from '../generation.ts'
import type { SamplerSettings } from '../settings.ts'
import { logSumExp } from '../testing/reference.ts'
import { bigramLogits, tableModel } from '../testing/table-model.ts'
import { GrammarConstraint } from './grammar-constraint.ts'
import { regexGrammar } from './regular-expression.ts'
import { sequences } from './testing/brute-force.ts'
import { textsAlone } from './testing/vocabularies.ts'

const texts = ['a', 'b', 'ab', 'ba', 'c', '"']
const vocabulary = textsAlone(...texts)
const end = texts.length
const vocabSize = end + 3 // ids that no token has
const logits = bigramLogits(vocabSize, 3)
const model = tableModel({ vocabSize, logits })

const constrained = (source: string, endOfText = [end]): GenerateOptions => ({
  endOfText,
  constraint: new GrammarConstraint(regexGrammar(source), vocabulary, endOfText),
})

const write = async (source: string, settings: Partial<SamplerSettings>, endOfText?: number[]) => {
  const all = await complete(model, [[0, 1], [2]], { maxTokens: 7, ...settings }, constrained(source, endOfText))
  return all.map(({ ids, finishReason }) => ({ text: ids.map((id) => texts[id]).join(''), finishReason }))
}

describe('generate with a grammar', () => {
  it.each<Partial<SamplerSettings>>([
    { temperature: 0, topP: 1 },
    { temperature: 1.5, topP: 1, n: 20 },
    { temperature: 100, topP: 0.3, n: 20 },
    { temperature: 1, topK: 1, n: 3 },
    { temperature: 1, minP: 0.9, topP: 1, n: 20 },
    { temperature: 1, typicalP: 0.2, topP: 1, n: 20 },
    { temperature: 1, repetitionPenalty: 5, presencePenalty: 2, dryMultiplier: 5, drySequenceBreakers: [], n: 10 },
    { temperature: 1, logitBias: { 5: 100, 6: 100, 8: 100 }, n: 10 },
    { beams: 4, n: 4 },
    { beams: 8, n: 3, earlyStopping: true, lengthPenalty: 2 },
  ])('writes what follows it with %j', async (settings) => {
    for (const [source, maxTokens] of [
      ['(ab)*c', 7],
      ['"[abc]{2,9}"', 4],
      ['a?b{3}c*', 3],
      ['(a|b)*"', 1],
    ] as const) {
      for (const { text } of await write(source, { ...settings, maxTokens })) {
        expect(text).toMatch(new RegExp(`^(?:${source})$`))
      }
    }
  })

  it('finds the likeliest texts with beams', async () => {
    const source = '(a|b)(ab|c)*"'
    const [best] = await complete(model, [[0, 1]], { beams: 60, maxTokens: 5, lengthPenalty: 0 }, constrained(source))
    const scored = sequences(end, 5)
      .filter((ids) => new RegExp(`^(?:${source})$`).test(ids.map((id) => texts[id]).join('')))
      .map((ids) => ({ ids, score: scoreOf(ids, ids.length < 5) }))
    const [wanted] = scored.sort((a, b) => b.score - a.score)
    expect(best?.ids).toEqual(wanted?.ids)
    expect(best?.score).toBeCloseTo(wanted!.score, 4)
  })

  it('draws each id as often as the model would of those allowed', async () => {
    const found = await complete(
      model,
      [[0, 1]],
      { n: 1000, temperature: 1, topP: 1, maxTokens: 1 },
      constrained('[ab]'),
    )
    const row = logits([0, 1])
    const share = Math.exp(row[0]!) / (Math.exp(row[0]!) + Math.exp(row[1]!))
    const drawn = found.filter(({ ids }) => ids[0] === 0).length / 1000
    expect(Math.abs(drawn - share)).toBeLessThan(0.06)
  })

  it('ends where nothing may follow, without an end-of-text id too', async () => {
    expect(await write('abc', { n: 2 }, [])).toEqual(
      Array.from({ length: 4 }, () => ({ text: 'abc', finishReason: 'complete' })),
    )
    expect((await write('abc', { n: 2, beams: 3 }, []))[0]).toEqual({ text: 'abc', finishReason: 'complete' })
    expect((await write('abc', {}))[0]).toEqual({ text: 'abc', finishReason: 'endOfText' })
    expect((await write('', {}, []))[0]).toEqual({ text: '', finishReason: 'complete' })
    const endless = await write('a+', { n: 3 }, [])
    expect(endless.every(({ text, finishReason }) => /^a{7}$/.test(text) && finishReason === 'length')).toBe(true)
  })

  it('refuses, before anything runs, room that is too small and what would cut texts', async () => {
    const refuse = (settings: Partial<SamplerSettings>, options: GenerateOptions, prompt = [0]) =>
      expect(complete(model, [prompt], settings, options)).rejects
    await refuse({ maxTokens: 3 }, constrained('"[abc]"{3}')).toThrow(/room for 3 tokens, wanted at least/)
    await refuse({}, constrained('c{9}'), new Array<number>(60).fill(0)).toThrow(/room for 4 tokens/)
    await refuse({ regex: 'a' }, {}).toThrow(/need the bytes of the vocabulary/)
    await refuse({ stop: ['a'] }, { ...constrained('a'), decoder: () => ({ push: () => '', end: () => '' }) }).toThrow(
      /remove stop/,
    )
    await refuse({ regex: 'a', grammar: 'haiku' }, constrained('a')).toThrow(/regex and grammar cannot be asked for/)
    expect(model.seen.open).toBe(0)
  })
})

/** ln P of a continuation of [0, 1], with its end where it is not cut by the budget. */
function scoreOf(ids: readonly number[], ends: boolean): number {
  const all = [...ids, ...(ends ? [end] : [])]
  return all.reduce((sum, id, i) => {
    const row = [...Float32Array.from(logits([0, 1, ...ids.slice(0, i)]))]
    return sum + row[id]! - logSumExp(row)
  }, 0)
}
