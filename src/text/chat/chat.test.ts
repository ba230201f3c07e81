import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { byteTokenizer, charTokenizer, loadTokenizer } from '../../data/tokenizers/index.ts'
import { CheckpointError, ConfigError, DataError } from '../../errors.ts'
import { readFixture } from '../../graph/testing/fixture.ts'
import { Chat, type ChatMessage, chatTokenizer } from './chat.ts'
import { messagesOf } from './messages.ts'

interface Expected {
  readonly form: string
  readonly config: Readonly<Record<string, string>>
  readonly messages: readonly ChatMessage[]
  readonly text: string
  readonly ids: readonly number[]
  readonly answers: readonly number[]
  readonly promptIds: readonly number[]
}

const expected = readFixture<readonly Expected[]>('chat/expected.json')
const core = readFileSync(new URL('../../../test/fixtures/chat/tokenizer.json', import.meta.url), 'utf8')
const question: ChatMessage = { role: 'user', content: 'Who?' }
const answer: ChatMessage = { role: 'assistant', content: 'I.' }

describe.each(expected)('a conversation in the form $form', ({ config, messages, text, ids, answers, promptIds }) => {
  const chat = new Chat(loadTokenizer(core, config))

  it('is written as transformers writes it, with the same ids', () => {
    expect(chat.text(messages, { asks: false })).toBe(text)
    expect([...chat.tokens(messages).ids]).toEqual(ids)
    const first = messages.findIndex(({ role }) => role === 'assistant')
    expect(chat.prompt(messages.slice(0, first))).toEqual(promptIds)
  })

  it('has the answers that {% generation %} marks in transformers', () => {
    expect([...chat.tokens(messages).answers]).toEqual(answers)
    expect(answers).toContain(1)
  })
})

describe('a tokenizer without a template', () => {
  it('gets a plain one, that is kept with it, and ends answers', () => {
    const tokenizer = chatTokenizer(byteTokenizer())
    expect(chatTokenizer(tokenizer)).toBe(tokenizer)
    const again = loadTokenizer(tokenizer.toJSON(), tokenizer.configJson())
    const chat = new Chat(again)
    const system: ChatMessage = { role: 'system', content: 'Be brief.' }
    expect(chat.text([system, question], { asks: true })).toBe('Be brief.\n\nUser:\nWho?\n\nAssistant:\n')
    const { ids, answers } = chat.tokens([question, answer, question, answer])
    const said = again.decode(ids.filter((_, i) => answers[i] === 1))
    expect(said).toBe('I.<|endoftext|>I.<|endoftext|>')
    expect(chat.ends()).toEqual([again.eos])
  })

  it('is refused where it can’t talk', () => {
    expect(() => new Chat(byteTokenizer())).toThrow(ConfigError)
    expect(() => new Chat(byteTokenizer())).toThrow(/no chat template, so the model was not made to talk/)
    expect(() => chatTokenizer(charTokenizer(['a'], { specialTokens: [] }))).toThrow(
      /has no token that ends an answer; begin from a model that has one$/,
    )
  })
})

describe('a template that fails', () => {
  const of = (template: string) => new Chat(loadTokenizer(core, { eos_token: '</s>', chat_template: template }))

  it('is told with its reason', () => {
    expect(() => of('{% for %}')).toThrow(CheckpointError)
    expect(() => of('{% for %}')).toThrow(/its chat_template is no template \(/)
    const strict = of("{{ raise_exception('no systems') }}")
    expect(() => strict.text([question], { asks: false })).toThrow(DataError)
    expect(() => strict.text([question], { asks: false })).toThrow(
      'chat: the template refuses the conversation (no systems); change the messages, or the model’s chat_template',
    )
    expect(() => of('silence').tokens([question, answer])).toThrow('chat: the template does not show the answer "I."')
  })
})

describe('messagesOf', () => {
  it('takes messages, or a prompt and its completion', () => {
    expect(messagesOf({ messages: [question, answer], more: 1 }, 'x')).toEqual([question, answer])
    expect(messagesOf({ prompt: 'Who?', completion: 'I.' }, 'x')).toEqual([question, answer])
    expect(messagesOf({ system: 'Be\r\nbrief', prompt: 'e\u0301', completion: 'I.' }, 'x')).toEqual([
      { role: 'system', content: 'Be\nbrief' },
      { role: 'user', content: 'é' },
      answer,
    ])
  })

  it.each([
    [{ messages: 'hello' }, 'read x: messages is no list; write [{"role": "user", "content": "…"}, …]'],
    [
      { messages: [{ role: 'bot', content: 'a' }] },
      'read x, message 1: its role is "bot", wanted system, user, assistant',
    ],
    [{ messages: [question, { role: 'assistant' }] }, 'read x, message 2: content is missing, wanted text'],
    [{ messages: [question, { role: 'assistant', content: [1] }] }, 'read x, message 2: content is [1], wanted text'],
    [{ messages: [question, null] }, 'read x, message 2: its role is missing'],
    [{ messages: [question] }, 'read x: the assistant says nothing; add an answer, or remove the row'],
    [{ messages: [] }, 'read x: the assistant says nothing'],
    [{ prompt: 'a', completion: ' ' }, 'read x: the assistant says nothing'],
    [{ prompt: 'a' }, 'read x: no field "messages", nor "prompt" and "completion"; wanted a conversation'],
    ['text', 'read x: no field "messages"'],
    [{ prompt: 'a', completion: 'b\0' }, /NUL/],
  ])('refuses %j', (row, message) => {
    expect(() => messagesOf(row, 'x')).toThrow(message)
    expect(() => messagesOf(row, 'x')).toThrow(DataError)
  })
})
