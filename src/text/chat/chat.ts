import { Template } from '@huggingface/jinja'
import type { Tokenizer } from '../../data/tokenizers/index.ts'
import { loadTokenizer } from '../../data/tokenizers/index.ts'
import { CheckpointError, ConfigError, DataError } from '../../errors.ts'

/** Who speaks in a conversation. */
export const chatRoles = ['system', 'user', 'assistant'] as const

/** One turn of a conversation. */
export interface ChatMessage {
  readonly role: (typeof chatRoles)[number]
  readonly content: string
}

/** A conversation as a model reads it. */
export interface ChatTokens {
  readonly ids: Int32Array
  /** For each id 1 where the assistant says it, the mark that ends its turn included, else 0. */
  readonly answers: Uint8Array
}

/** How conversations are written for models whose tokenizer does not say; `eos` ends what the assistant says. */
const plainTemplate = [
  '{%- for message in messages %}',
  "{%- if message['role'] == 'system' %}{{ message['content'] + '\\n\\n' }}",
  "{%- elif message['role'] == 'user' %}{{ 'User:\\n' + message['content'] + '\\n\\n' }}",
  "{%- else %}{{ 'Assistant:\\n' + message['content'] + eos_token + '\\n\\n' }}",
  '{%- endif %}',
  '{%- endfor %}',
  "{%- if add_generation_prompt %}{{ 'Assistant:\\n' }}{%- endif %}",
].join('')

/**
 * The tokenizer itself where it says how conversations are written, else one that says so plainly, in words. Throws
 * {@link ConfigError} where it has no token that could end what the assistant says.
 */
export function chatTokenizer(tokenizer: Tokenizer): Tokenizer {
  if (tokenizer.chatTemplate !== undefined) return tokenizer
  if (tokenizer.eos === undefined)
    throw new ConfigError('instruct: the tokenizer has no token that ends an answer; begin from a model that has one')
  const template = (tokenizer.addBos ? '{{ bos_token }}' : '') + plainTemplate
  return loadTokenizer(tokenizer.toJSON(), { ...tokenizer.configJson(), chat_template: template })
}

/** Writes conversations as a model's template has them (Jinja, as Hugging Face's `apply_chat_template` reads it). */
export class Chat {
  readonly #tokenizer: Tokenizer
  readonly #template: Template
  /** What templates call the special tokens. */
  readonly #special: Readonly<Record<string, string>>

  /** Throws {@link ConfigError} for a tokenizer without a template, {@link CheckpointError} for a template that is none. */
  constructor(tokenizer: Tokenizer) {
    const { chatTemplate: source, bos, eos, pad, unknown } = tokenizer
    if (source === undefined)
      throw new ConfigError(
        'chat: the tokenizer has no chat template, so the model was not made to talk; leave --chat out, or teach it: atelier train text --task instruct',
      )
    this.#tokenizer = tokenizer
    const named = { bos_token: bos, eos_token: eos, pad_token: pad, unk_token: unknown }
    const special = Object.entries(named).flatMap(([name, id]) => {
      return id === undefined ? [] : [[name, tokenizer.tokenOf(id) ?? ''] as const]
    })
    this.#special = Object.fromEntries(special)
    try {
      this.#template = new Template(source)
    } catch (cause) {
      throw new CheckpointError(
        `tokenizer_config.json: its chat_template is no template (${reasonOf(cause)})`,
        {},
        { cause },
      )
    }
  }

  /** The conversation as text; `asks` begins what the assistant is to say next. Throws {@link DataError} where the template refuses it. */
  text(messages: readonly ChatMessage[], { asks }: { readonly asks: boolean }): string {
    try {
      return this.#template.render({ ...this.#special, messages, add_generation_prompt: asks })
    } catch (cause) {
      const remedy = 'change the messages, or the model’s chat_template'
      throw new DataError(`chat: the template refuses the conversation (${reasonOf(cause)}); ${remedy}`, {}, { cause })
    }
  }

  /** Ids after which the assistant is to speak. */
  prompt(messages: readonly ChatMessage[]): number[] {
    return [...this.#tokenizer.encode(this.text(messages, { asks: true }))]
  }

  /**
   * Ids of a conversation, and which of them the assistant says: what follows each prompt for its turn, up to the
   * special token that ends the turn, or its whole text where none does. Throws {@link DataError} where the template
   * refuses it or does not show an answer.
   */
  tokens(messages: readonly ChatMessage[]): ChatTokens {
    const tokenizer = this.#tokenizer
    const text = this.text(messages, { asks: false })
    const ids = tokenizer.encode(text)
    const answers = new Uint8Array(ids.length)
    for (const [start, end] of this.#answersIn(text, messages)) {
      const from = tokensBefore(tokenizer, ids, text, start)
      const to = tokensBefore(tokenizer, ids, text, end)
      const last = ids.subarray(from, to).findLastIndex((id) => tokenizer.specialIds.includes(id))
      answers.fill(1, from, last < 0 ? to : from + last + 1)
    }
    return { ids, answers }
  }

  /** Ids that end what the assistant says. */
  ends(): number[] {
    const { ids, answers } = this.tokens([
      { role: 'user', content: 'a' },
      { role: 'assistant', content: 'b' },
    ])
    const last = ids[answers.lastIndexOf(1)]
    return last !== undefined && this.#tokenizer.specialIds.includes(last) ? [last] : []
  }

  /** Where each of the assistant's turns stands in the text: between the prompt for it and the text with it. */
  #answersIn(text: string, messages: readonly ChatMessage[]): (readonly [start: number, end: number])[] {
    let done = 0
    return messages.flatMap(({ role, content }, i) => {
      if (role !== 'assistant') return []
      const span = this.#answerAt(text, messages.slice(0, i + 1), done)
      if (!span)
        throw new DataError(`chat: the template does not show the answer ${JSON.stringify(content.slice(0, 40))}`)
      done = span[1]
      return [span]
    })
  }

  /** The last turn's place; where templates write a turn otherwise when others follow, it is looked for by its words. */
  #answerAt(text: string, turns: readonly ChatMessage[], done: number): readonly [number, number] | undefined {
    const content = turns.at(-1)!.content.trim()
    const prompt = this.#attempt(turns.slice(0, -1), true)
    const whole = this.#attempt(turns, false)
    const asked = prompt !== undefined && prompt.length >= done && text.startsWith(prompt)
    const start = asked ? prompt.length : text.indexOf(content, done)
    if (start < 0) return undefined
    if (whole !== undefined && whole.length > start && text.startsWith(whole)) return [start, whole.length]
    const at = text.indexOf(content, start)
    if (at < 0) return undefined
    const end = at + content.length
    const closing = whole?.slice(whole.lastIndexOf(content) + content.length) ?? ''
    return [start, text.startsWith(closing, end) ? end + closing.length : end]
  }

  /** The text of a part of a conversation; undefined where the template refuses it. */
  #attempt(messages: readonly ChatMessage[], asks: boolean): string | undefined {
    try {
      return this.text(messages, { asks })
    } catch {
      return undefined
    }
  }
}

/** How many of the ids of `text` lie before its `end`-th character: those that the text up to there begins with alone. */
function tokensBefore(tokenizer: Tokenizer, ids: Int32Array, text: string, end: number): number {
  if (end === text.length) return ids.length
  const before = tokenizer.encode(text.slice(0, end))
  const other = before.findIndex((id, i) => id !== ids[i])
  return other < 0 ? before.length : other
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message.replace(/\s+/g, ' ').slice(0, 160) : 'unknown reason'
}
