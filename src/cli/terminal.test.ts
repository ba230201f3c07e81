import { expect, test } from 'vitest'
import { shown } from './terminal.ts'

test('text that others wrote cannot command a screen, and goes unchanged into pipes and files', () => {
  const text = 'a\u001b[2J\u009b1mb\r\u0007\u007f\u0000\n\tcafé 🙂'
  expect(shown(text, { isTTY: true })).toBe('a\ufffd[2J\ufffd1mb\ufffd\ufffd\ufffd\ufffd\n\tcafé 🙂')
  expect(shown(text, { isTTY: false })).toBe(text)
  expect(shown(text, {})).toBe(text)
})
