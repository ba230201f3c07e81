import { describe, expect, it } from 'vitest'
import { byteTokenizer, charTokenizer, countWords, loadTokenizer, trainBpe } from '../../data/tokenizers/index.ts'
import { Random } from '../../random/random.ts'
import { GrammarConstraint } from './grammar-constraint.ts'
import { jsonSchemaGrammar } from './json/json-schema.ts'
import { regexGrammar } from './regular-expression.ts'
import { drawIds } from './testing/draw-text.ts'
import { vocabularyOfTokenizer } from './vocabulary.ts'

/** A tokenizer of others' make, whose decoder sets or takes away spaces. */
function wordPieces() {
  const vocab = ['[UNK]', '[PAD]', 'red', 'blue', '##dish', '##ness', 'and', ',', '.', 'é', '##é']
  return loadTokenizer({
    version: '1.0',
    added_tokens: [0, 1].map((id) => special(id, vocab[id]!)),
    normalizer: null,
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: null,
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab: Object.fromEntries(vocab.map((piece, id) => [piece, id])),
    },
  })
}

/** A tokenizer as Llama 2's: SentencePiece's pieces, and bytes for what they lack. */
function sentencePieces() {
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`)
  const pieces = [
    '▁',
    '{',
    '▁{',
    '"',
    '":',
    '▁"',
    'a',
    'g',
    'e',
    '▁age',
    'age',
    'n',
    'name',
    '}',
    '▁1',
    '2',
    ',',
    '▁▁▁',
    'é',
  ]
  const vocab = ['<unk>', '<s>', '</s>', ...bytes, ...pieces]
  return loadTokenizer({
    version: '1.0',
    added_tokens: [0, 1, 2].map((id) => special(id, vocab[id]!)),
    normalizer: null,
    pre_tokenizer: null,
    post_processor: null,
    decoder: {
      type: 'Sequence',
      decoders: [
        { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
        { type: 'ByteFallback' },
        { type: 'Fuse' },
        { type: 'Strip', content: ' ', start: 1, stop: 0 },
      ],
    },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: '<unk>',
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: true,
      byte_fallback: true,
      vocab: Object.fromEntries(vocab.map((piece, id) => [piece, id])),
      merges: [],
    },
  })
}

function special(id: number, content: string) {
  return { id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true }
}

describe('vocabularyOfTokenizer', () => {
  const words = countWords(['{"name": "the cat", "age": 12} the café, the naïve 😀 '.repeat(20)])
  const tokenizers = {
    byte: byteTokenizer(),
    char: charTokenizer('{}":, abcdefnmgé0123456789\n'),
    bpe: trainBpe(words, { vocabSize: 300 }),
    wordpiece: wordPieces(),
    sentencepiece: sentencePieces(),
  }

  it.each(Object.keys(tokenizers) as (keyof typeof tokenizers)[])('%s writes what decodes to the form', (name) => {
    const tokenizer = tokenizers[name]
    const vocabulary = vocabularyOfTokenizer(tokenizer)
    const isWords = name === 'wordpiece'
    const grammar = isWords
      ? regexGrammar('(red(dish|ness)*|blueé?)(,? and (red|bluedish))*\\.')
      : jsonSchemaGrammar({ properties: { name: { type: 'string' }, age: { type: 'integer' } }, required: ['age'] })
    const constraint = new GrammarConstraint(grammar, vocabulary, [vocabulary.size])
    for (let seed = 0; seed < 40; seed++) {
      const ids = drawIds(constraint, vocabulary, constraint.shortest + (seed % 20), Random.seed(seed))
      const text = tokenizer.decode(ids)
      if (isWords) expect(text).toMatch(/^(red(dish|ness)*|blueé?)(,? and (red|bluedish))*\.$/)
      else expect(Number.isInteger((JSON.parse(text) as { age: number }).age)).toBe(true)
    }
  })

  it('leaves special tokens out, and is made once', () => {
    const { byte } = tokenizers
    const vocabulary = vocabularyOfTokenizer(byte)
    expect(vocabulary.later[byte.eos!]).toBeUndefined()
    expect(vocabulary.size).toBe(257)
    expect(vocabularyOfTokenizer(byte)).toBe(vocabulary)
  })
})
