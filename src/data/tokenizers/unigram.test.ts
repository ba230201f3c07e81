import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ConfigError } from '../../errors.ts'
import { IdBuffer } from './id-buffer.ts'
import { loadTokenizer } from './load.ts'
import { countMetaspaceRuns } from './metaspace.ts'
import { byteTokenizer } from './simple-tokenizers.ts'
import { trainUnigram, type UnigramProgress } from './train-unigram.ts'
import { expectCounts, scoresOf } from './unigram-em.ts'
import { UnigramEncoder } from './unigram-encoder.ts'
import { layOut, seedLattice, spellingOf } from './unigram-lattice.ts'

const corpus = readFileSync(new URL('../../../test/fixtures/tokenizers/corpus.txt', import.meta.url), 'utf8')
const counts = countMetaspaceRuns([corpus])
const unigram = trainUnigram(counts, { vocabSize: 1200 })

const wellFormed = fc
  .oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }))
  .filter((text) => !/[\p{Surrogate}▁]/u.test(text))

describe('encoding', () => {
  test('finds the most probable segmentation: none of all scores more', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '🙂', ' '), maxLength: 9 })
    const piece = fc.string({ unit: fc.constantFrom('a', 'b', '🙂', '▁'), minLength: 1, maxLength: 4 })
    const scored = fc.uniqueArray(fc.tuple(piece, fc.integer({ min: -40, max: -1 })), { selector: ([one]) => one })
    fc.assert(
      fc.property(letters, scored, (text, chosen) => {
        const pieces = chosen.map(([one, score], id) => [one, id + 1, score / 4] as const)
        const model = {
          pieces,
          unknownScore: -20,
          unknown: 0,
          bytes: undefined,
          prepend: 'never',
          splits: false,
        } as const
        const ids = new IdBuffer()
        new UnigramEncoder(model).encode(text, ids)
        const found = text.replaceAll(' ', '▁')
        const best = bestOfAll([...found], new Map(pieces.map(([one, , score]) => [one, score])), -20)
        expect(scoreOf(ids.toArray(), found, pieces, -20)).toBeCloseTo(best, 9)
      }),
      { numRuns: 500 },
    )
  })

  test('gives back any well-formed text, in NFC, with its blanks', () => {
    fc.assert(
      fc.property(wellFormed, (text) => {
        const ids = unigram.encode(text, { parseSpecial: false })
        expect(unigram.decode(ids)).toBe(text.normalize('NFC'))
      }),
      { numRuns: 300 },
    )
    expect(unigram.decode(unigram.encode('<0x0A> \n  x'))).toBe('<0x0A> \n  x')
  })

  test('halves of surrogate pairs become U+FFFD, and special tokens in distrusted text stay text', () => {
    expect(unigram.decode(unigram.encode('a\ud800b'))).toBe('a\ufffdb')
    const ids = unigram.encode('</s><extra_id_0>', { parseSpecial: false })
    expect([...ids].some((id) => unigram.specialIds.includes(id))).toBe(false)
    expect([...unigram.encode('</s><extra_id_0>')]).toEqual([1, unigram.idOf('<extra_id_0>')])
  })

  test('a word of a hundred thousand characters comes back', () => {
    const word = 'naïveté🙂'.repeat(12_500)
    expect(unigram.decode(unigram.encode(word))).toBe(word)
  })

  test('says which tokens begin a word, and has T5’s special tokens', () => {
    const ids = [...unigram.encode(' the Representatives')]
    expect(unigram.beginsWord(ids[0]!)).toBe(true)
    expect(unigram.beginsWord(unigram.idOf('s')!)).toBe(false)
    expect([unigram.pad, unigram.eos, unigram.unknown, unigram.bos, unigram.addBos]).toEqual([
      0,
      1,
      2,
      undefined,
      false,
    ])
    expect([unigram.idOf('<extra_id_99>'), unigram.idOf('<extra_id_0>'), unigram.vocabSize]).toEqual([1100, 1199, 1200])
  })
})

/** The score of the best of all segmentations, by trying them. */
function bestOfAll(chars: readonly string[], scores: ReadonlyMap<string, number>, unknown: number): number {
  if (chars.length === 0) return 0
  let best = Number.NEGATIVE_INFINITY
  for (let n = 1; n <= chars.length; n++) {
    const score = scores.get(chars.slice(0, n).join('')) ?? (n === 1 ? unknown : undefined)
    if (score !== undefined) best = Math.max(best, score + bestOfAll(chars.slice(n), scores, unknown))
  }
  return best
}

/** The score of ids; one id 0 stands for as many unknown characters as there are before the next piece. */
function scoreOf(
  ids: Int32Array,
  text: string,
  pieces: readonly (readonly [string, number, number])[],
  unknown: number,
) {
  const known = ids.filter((id) => id > 0)
  const spelled = [...known].reduce((sum, id) => sum + [...pieces[id - 1]![0]].length, 0)
  const score = [...known].reduce((sum, id) => sum + pieces[id - 1]![2], 0)
  return score + unknown * ([...text].length - spelled)
}

describe('training', () => {
  test('no step of EM loses likelihood', () => {
    const alphabet = [...new Set([...counts.keys()].join(''))].sort()
    const lattice = seedLattice(layOut([...counts], alphabet), 5000)
    let scores = scoresOf(lattice.frequencies, lattice.nCharacters)
    const likelihoods = Array.from({ length: 8 }, () => {
      const { expected, logLikelihood } = expectCounts(lattice, scores)
      scores = scoresOf(expected, lattice.nCharacters)
      return logLikelihood
    })
    for (let i = 1; i < likelihoods.length; i++) expect(likelihoods[i]! - likelihoods[i - 1]!).toBeGreaterThan(-0.01)
    expect(likelihoods.at(-1)).toBeGreaterThan(likelihoods[0]!)
  })

  test('the E-step weighs all segmentations: a hand-computed example', () => {
    // "ab" twice: p(a) = p(b) = 1/4, p(ab) = 1/2 from the frequencies 2, 2 and, given here, 4.
    const lattice = seedLattice(layOut([['ab', 2]], ['a', 'b']), 10)
    expect([0, 1, 2].map((piece) => spellingOf(lattice, piece))).toEqual(['a', 'b', 'ab'])
    const { expected, logLikelihood } = expectCounts(lattice, Float64Array.of(0.25, 0.25, 0.5).map(Math.log))
    expect(logLikelihood).toBeCloseTo(2 * Math.log(0.5 + 1 / 16), 12)
    expect(expected[2]).toBeCloseTo(2 * (8 / 9), 12)
    expect(expected[0]).toBeCloseTo(2 / 9, 12)
  })

  test('seeds are the substrings that occur most, each with all its places', () => {
    const text = layOut(
      [
        ['abcab', 3],
        ['cab', 1],
      ],
      ['a', 'b', 'c'],
    )
    const lattice = seedLattice(text, 10)
    const seeds = Array.from(lattice.frequencies, (count, piece) => [spellingOf(lattice, piece), count])
    expect(Object.fromEntries(seeds)).toMatchObject({ a: 7, b: 7, c: 4, ab: 7, cab: 4, abcab: 3 })
    expect(lattice.pieces.filter((piece) => spellingOf(lattice, piece) === 'ab')).toHaveLength(3)
  })

  test('depends on the counts alone and shrinks to the size asked', () => {
    const seen: UnigramProgress[] = []
    const again = trainUnigram(new Map([...counts].reverse()), { vocabSize: 1200, onProgress: (one) => seen.push(one) })
    expect(JSON.stringify(again)).toBe(JSON.stringify(unigram))
    expect(seen.at(-1)!.pieces).toBe(seen[0]!.wanted)
    expect(seen.every(({ pieces }, i) => i === 0 || pieces <= seen[i - 1]!.pieces)).toBe(true)
  })

  test('takes fewer bits a byte than bytes do, with the probabilities of their own frequencies', () => {
    const held = corpus.slice(-8000)
    const learned = corpus.slice(0, -8000)
    const trained = trainUnigram(countMetaspaceRuns([learned]), { vocabSize: 1200 })
    const bits = [trained, byteTokenizer()].map((tokenizer) => {
      const seen = new Float64Array(tokenizer.vocabSize).fill(0.1)
      for (const id of tokenizer.encode(learned)) seen[id]!++
      const total = seen.reduce((sum, count) => sum + count, 0)
      return tokenizer.encode(held).reduce((sum, id) => sum - Math.log2(seen[id]! / total), 0) / Buffer.byteLength(held)
    })
    expect(bits[0]!).toBeLessThan(0.85 * bits[1]!)
  })

  test('names what a vocabulary that is too small must hold', () => {
    expect(() => trainUnigram(counts, { vocabSize: 400 })).toThrow(ConfigError)
    expect(() => trainUnigram(counts, { vocabSize: 400 })).toThrow(
      /^trainUnigram: vocabulary of 400, wanted \d+ \(359 special/,
    )
    expect(() => trainUnigram(counts, { vocabSize: 600.5 })).toThrow(ConfigError)
    expect(trainUnigram(new Map(), { vocabSize: 5000 }).decode([3 + 0x41])).toBe('A')
  })
})

describe('a bad Unigram tokenizer.json', () => {
  const change = (part: object) => {
    const json = unigram.toJSON()
    return { ...json, model: { ...json.model, ...part } }
  }
  const { vocab } = unigram.toJSON().model as unknown as { vocab: [string, number][] }

  test.each<[string, unknown, string]>([
    ['a score that is text', change({ vocab: [...vocab.slice(0, -1), ['<extra_id_0>', '1']] }), 'entry 1199'],
    ['a token twice', change({ vocab: [...vocab, ['s', -1]] }), 'two ids'],
    ['no unknown token', change({ unk_id: 5000 }), 'unknown token has the id 5000'],
    [
      'a template of missing ids',
      { ...unigram.toJSON(), post_processor: { type: 'BertProcessing', cls: ['a', 9999], sep: ['b', 1] } },
      '9999',
    ],
    [
      'a template without its tokens',
      {
        ...unigram.toJSON(),
        post_processor: {
          type: 'TemplateProcessing',
          single: [{ SpecialToken: { id: 'x' } }],
          pair: [],
          special_tokens: {},
        },
      },
      'lacks the special token "x"',
    ],
    [
      'a broken template',
      { ...unigram.toJSON(), post_processor: { type: 'TemplateProcessing' } },
      'post_processor.single',
    ],
    ['an unknown post-processor', { ...unigram.toJSON(), post_processor: { type: 'Rot13' } }, 'Rot13'],
  ])('%s: one line with the remedy', (_, json, message) => {
    expect(() => loadTokenizer(json)).toThrow(/^tokenizer\.json: [^\n]+; [^\n]+$/)
    expect(() => loadTokenizer(json)).toThrow(message)
  })
})
