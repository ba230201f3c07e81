import { existsSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AtelierError, CheckpointError } from '../../errors.ts'
import { loadTokenizer } from './load.ts'
import { trainBpe } from './train-bpe.ts'

const bpe = trainBpe(new Map([['hello', 5]]), { vocabSize: 260 })
type Json = { model: Record<string, unknown> }
const json = () => JSON.parse(JSON.stringify(bpe)) as Json

/** A Llama-like tokenizer: no pre-tokenizer, `▁` for spaces, bytes for what is not in the vocabulary. */
function sentencePiece() {
  const pieces = ['<unk>', '<s>', '</s>', '<0xC3>', '<0xA9>', '<0x0A>', '▁', 'h', 'i', 'hi', '▁hi']
  const added = ['<unk>', '<s>', '</s>'].map((content, id) => ({ id, content, special: true, normalized: false }))
  const prepend = { type: 'Prepend', prepend: '▁' }
  const replace = { type: 'Replace', pattern: { String: ' ' }, content: '▁' }
  const back = { type: 'Replace', pattern: { String: '▁' }, content: ' ' }
  const strip = { type: 'Strip', content: ' ', start: 1, stop: 0 }
  const vocab = Object.fromEntries(pieces.map((piece, id) => [piece, id]))
  return {
    added_tokens: added,
    normalizer: { type: 'Sequence', normalizers: [prepend, replace] },
    pre_tokenizer: null,
    post_processor: null,
    decoder: { type: 'Sequence', decoders: [back, { type: 'ByteFallback' }, { type: 'Fuse' }, strip] },
    model: { type: 'BPE', unk_token: '<unk>', byte_fallback: true, vocab, merges: ['h i', '▁ hi'] },
  }
}

const llamaConfig = { bos_token: { content: '<s>' }, eos_token: '</s>', unk_token: '<unk>', add_bos_token: true }

describe('a tokenizer that is not ours', () => {
  const tokenizer = loadTokenizer(sentencePiece(), llamaConfig)

  test('runs through @huggingface/tokenizers', () => {
    expect(tokenizer.kind).toBe('huggingface')
    expect([tokenizer.vocabSize, tokenizer.bos, tokenizer.eos, tokenizer.unknown]).toEqual([11, 1, 2, 0])
    expect(tokenizer.addBos).toBe(true)
    expect([...tokenizer.encode('hi hi')]).toEqual([10, 10])
    expect([...tokenizer.encode('hé\n', { bos: true, eos: true })]).toEqual([1, 6, 7, 3, 4, 5, 2])
    expect([...tokenizer.encode('</s>', { parseSpecial: false })].includes(2)).toBe(false)
    expect(tokenizer.decode([1, 10, 10, 3, 4, 5, 2], { skipSpecial: true })).toBe('hi hié\n')
    expect(tokenizer.decode([])).toBe('')
    expect(() => tokenizer.decode([11])).toThrow('no token has the id 11')
  })

  test('knows the bytes of a token', () => {
    expect([3, 6, 10].map((id) => [...tokenizer.bytesOf(id)])).toEqual([[0xc3], [0x20], [0x20, 0x68, 0x69]])
  })

  test('streams any ids to the text of all of them', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(10)), (ids) => {
        const decoder = tokenizer.streamDecoder()
        const streamed = ids.map((id) => decoder.push(id)).join('') + decoder.flush()
        expect(streamed).toBe(tokenizer.decode(ids))
      }),
      { numRuns: 1000 },
    )
  })
})

const stories = new URL('../../../../shared/data/stories260K/', import.meta.url)

test.runIf(existsSync(stories))('the tokenizer of stories260K encodes and decodes a story', () => {
  const read = (name: string) => readFileSync(new URL(name, stories), 'utf8')
  const tokenizer = loadTokenizer(read('tokenizer.json'), read('tokenizer_config.json'))
  expect([tokenizer.kind, tokenizer.vocabSize, tokenizer.bos, tokenizer.addBos]).toEqual(['huggingface', 512, 1, true])
  const story = 'Once upon a time, there was a little girl named Lily. 🙂\n'
  expect(tokenizer.decode(tokenizer.encode(story))).toBe(story)
  const { ids } = JSON.parse(read('expected.json')) as { ids: number[] }
  const text = tokenizer.decode(ids, { skipSpecial: true })
  expect(text.startsWith('Once upon a time')).toBe(true)
  expect([...tokenizer.encode(text, { bos: true })]).toEqual(ids)
  fc.assert(
    fc.property(fc.array(fc.nat(511)), (list) => {
      const decoder = tokenizer.streamDecoder()
      expect(list.map((id) => decoder.push(id)).join('') + decoder.flush()).toBe(tokenizer.decode(list))
    }),
    { numRuns: 500 },
  )
})

test('a file of ours that adds a token to each text says so', () => {
  const bos = { SpecialToken: { id: '<|endoftext|>', type_id: 0 } }
  const single = [bos, { Sequence: { id: 'A', type_id: 0 } }]
  const special = { '<|endoftext|>': { id: '<|endoftext|>', ids: [259], tokens: ['<|endoftext|>'] } }
  const template = { type: 'TemplateProcessing', single, pair: single, special_tokens: special }
  const tokenizer = loadTokenizer({ ...bpe.toJSON(), post_processor: template })
  expect([tokenizer.kind, tokenizer.addBos, bpe.addBos]).toEqual(['bpe', true, false])
  expect([...tokenizer.template.frame([1, 2]).ids]).toEqual([259, 1, 2])
  expect(tokenizer.encode('hello')).toEqual(bpe.encode('hello'))
  expect(tokenizer.encode('hello', { bos: true })[0]).toBe(259)
})

const swap = (change: (file: Json) => void) => {
  const file = json()
  change(file)
  return file
}
const withModel = (part: Record<string, unknown>) => swap((file) => Object.assign(file.model, part))
const vocab = () => json().model.vocab as Record<string, number>

describe('a bad tokenizer.json', () => {
  test.each<[string, unknown, string]>([
    ['empty', '', 'it is empty'],
    ['cut short', JSON.stringify(bpe).slice(0, 500), 'it is not JSON or is cut short'],
    ['no object', '[1]', 'expected object'],
    ['without a model', {}, 'model'],
    ['a vocabulary of the wrong type', withModel({ vocab: 7 }), 'vocabulary'],
    ['an id that is text', withModel({ vocab: { ...vocab(), hel: '1' } }), 'token "hel" has the id "1"'],
    ['a negative id', withModel({ vocab: { ...vocab(), hel: -1 } }), 'wanted 0 to'],
    ['a huge id', withModel({ vocab: { ...vocab(), hel: 4e9 } }), 'wanted 0 to'],
    ['an id used twice', withModel({ vocab: { ...vocab(), hel: 5 } }), 'share the id 5'],
    ['a token with two ids', swap((file) => Object.assign(file, { added_tokens: [{ id: 9, content: '!' }] })), 'id 9'],
    ['a merge of missing tokens', withModel({ merges: [['hel', 'zz']] }), 'a merge needs the token "zz"'],
    ['a merge of one', withModel({ merges: ['hel'] }), 'merge 0 is "hel", wanted two tokens'],
    ['a merge of numbers', withModel({ merges: [[1, 2]] }), 'merge 0 is [1,2]'],
    ['merges of the wrong type', withModel({ merges: 'a b' }), 'its merges are no list'],
    ['no vocabulary', withModel({ vocab: undefined }), 'vocabulary is undefined'],
    ['an unknown model', withModel({ type: 'Oracle' }), 'model.type'],
    ['scores without tokens', withModel({ type: 'Unigram', vocab: [[1, 'a']] }), 'wanted a token and its score'],
    ['an unknown normalizer', swap((file) => Object.assign(file, { normalizer: { type: 'Rot13' } })), 'Rot13'],
    ['an empty special token', swap((file) => Object.assign(file, { added_tokens: [{ id: 9, content: '' }] })), '1'],
  ])('%s: one line with the remedy', (_, file, message) => {
    let thrown: unknown
    try {
      loadTokenizer(file)
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(CheckpointError)
    const text = (thrown as Error).message
    expect(text).toContain(message)
    expect(text).toMatch(/^tokenizer\.json: [^\n]+; [^\n]+$/)
  })

  test('a bad tokenizer_config.json is named', () => {
    expect(() => loadTokenizer(bpe.toJSON(), { eos_token: 3 })).toThrow(/^tokenizer_config\.json: eos_token/)
  })

  test('any change of one place in the file loads or is a CheckpointError', () => {
    const text = JSON.stringify(withModel({ vocab: { ...vocab() } }))
    const change = fc.tuple(fc.nat(text.length), fc.nat(3), fc.constantFrom('', '"', '0', '-', '[', '}', 'null', 'x'))
    fc.assert(
      fc.property(change, ([at, removed, added]) => {
        try {
          loadTokenizer(text.slice(0, at) + added + text.slice(at + removed)).encode('hello')
        } catch (error) {
          expect(error).toBeInstanceOf(AtelierError)
        }
      }),
      { numRuns: 400 },
    )
  })
})
