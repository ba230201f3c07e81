import { DataError } from '../../errors.ts'
import { checkText } from '../codec/utf8.ts'
import { type ChatMessage, chatRoles } from './chat.ts'

/**
 * The conversation of one row: `messages`, each with `role` and `content`, or a `prompt` and its `completion`, with a
 * `system` message before them if there is one. Throws {@link DataError} for what is missing, for roles that there are
 * none of, and where the assistant says nothing; `where` is the file and the row.
 */
export function messagesOf(row: unknown, where: string): ChatMessage[] {
  const record = (typeof row === 'object' && row !== null ? row : {}) as Readonly<Record<string, unknown>>
  const messages = 'messages' in record ? listOf(record.messages, where) : pairOf(record, where)
  if (messages.some(({ role, content }) => role === 'assistant' && content.trim() !== '')) return messages
  throw new DataError(`read ${where}: the assistant says nothing; add an answer, or remove the row`, { where })
}

function listOf(messages: unknown, where: string): ChatMessage[] {
  if (!Array.isArray(messages))
    throw new DataError(`read ${where}: messages is no list; write [{"role": "user", "content": "…"}, …]`, { where })
  return messages.map((message: unknown, i) => {
    const { role, content } = (message ?? {}) as Readonly<Record<string, unknown>>
    const place = `${where}, message ${i + 1}`
    const known = chatRoles.find((one) => one === role)
    if (!known)
      throw new DataError(`read ${place}: its role is ${short(role)}, wanted ${chatRoles.join(', ')}`, { where, role })
    return { role: known, content: textOf(content, 'content', place) }
  })
}

function pairOf({ system, prompt, completion }: Readonly<Record<string, unknown>>, where: string): ChatMessage[] {
  if (prompt === undefined || completion === undefined)
    throw new DataError(
      `read ${where}: no field "messages", nor "prompt" and "completion"; wanted a conversation, see atelier train text --help`,
      { where },
    )
  return [
    ...(system === undefined ? [] : [{ role: 'system' as const, content: textOf(system, 'system', where) }]),
    { role: 'user', content: textOf(prompt, 'prompt', where) },
    { role: 'assistant', content: textOf(completion, 'completion', where) },
  ]
}

function textOf(value: unknown, field: string, where: string): string {
  if (typeof value === 'string') return checkText(value, where).replaceAll('\r\n', '\n').normalize('NFC')
  throw new DataError(`read ${where}: ${field} is ${short(value)}, wanted text`, { where, field })
}

function short(value: unknown): string {
  return (JSON.stringify(value) ?? 'missing').slice(0, 60)
}
