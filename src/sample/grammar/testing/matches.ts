import type { Expression, Grammar } from '../expression.ts'

/** Whether a text follows a grammar, by trying every way through it: slow, and plain to check. No left recursion. */
export function matches(grammar: Grammar, text: string): boolean {
  const characters = Array.from(text)
  return endsFrom({ kind: 'rule', name: grammar.start }, grammar, characters, 0).has(characters.length)
}

/** Where a text that begins at `from` and follows `expression` may end. */
function endsFrom(expression: Expression, grammar: Grammar, text: readonly string[], from: number): Set<number> {
  const then = (starts: Iterable<number>, next: Expression) =>
    new Set([...starts].flatMap((start) => [...endsFrom(next, grammar, text, start)]))
  switch (expression.kind) {
    case 'rule':
      return endsFrom(grammar.rules.get(expression.name)!, grammar, text, from)
    case 'text': {
      const wanted = Array.from(expression.text)
      return new Set(wanted.every((character, i) => text[from + i] === character) ? [from + wanted.length] : [])
    }
    case 'characters': {
      const point = text[from]?.codePointAt(0) ?? -1
      return new Set(expression.set.some(([first, last]) => point >= first && point <= last) ? [from + 1] : [])
    }
    case 'sequence':
      return expression.parts.reduce((starts, part) => then(starts, part), new Set([from]))
    case 'choice':
      return new Set(expression.options.flatMap((option) => [...endsFrom(option, grammar, text, from)]))
    case 'repeat': {
      const found = new Set<number>()
      let starts = new Set([from])
      const most = Math.min(expression.most, expression.least + text.length + 1)
      for (let count = 0; count <= most && starts.size > 0; count++) {
        if (count >= expression.least) for (const start of starts) found.add(start)
        starts = then(starts, expression.body)
      }
      return found
    }
  }
}
