import type { CharacterSet } from './character-set.ts'

/** What a text, or a part of one, may be. */
export type Expression =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'characters'; readonly set: CharacterSet }
  | { readonly kind: 'sequence'; readonly parts: readonly Expression[] }
  | { readonly kind: 'choice'; readonly options: readonly Expression[] }
  | { readonly kind: 'repeat'; readonly body: Expression; readonly least: number; readonly most: number }
  | { readonly kind: 'rule'; readonly name: string }

/**
 * A context-free grammar over code points: what a regular expression, a JSON schema and a GBNF file all become.
 */
export interface Grammar {
  /** The name of the rule that a whole text follows. */
  readonly start: string
  readonly rules: ReadonlyMap<string, Expression>
  /** What its author should know: rules that nothing reaches. */
  readonly notes: readonly string[]
}

/** Exactly these characters; none for the empty text. */
export function text(characters: string): Expression {
  return { kind: 'text', text: characters }
}

/** One character of a set; nothing at all where the set is empty. */
export function characters(set: CharacterSet): Expression {
  return { kind: 'characters', set }
}

/** One after the other. */
export function sequence(...parts: readonly Expression[]): Expression {
  return parts.length === 1 ? parts[0]! : { kind: 'sequence', parts }
}

/** One of these; of none, nothing at all fits, not even the empty text. */
export function choice(...options: readonly Expression[]): Expression {
  return options.length === 1 ? options[0]! : { kind: 'choice', options }
}

/** From `least` to `most` of `body` on end; `most` may be Infinity. */
export function repeat(body: Expression, least: number, most: number): Expression {
  return { kind: 'repeat', body, least, most }
}

/** `body` or nothing. */
export function optional(body: Expression): Expression {
  return repeat(body, 0, 1)
}

/** What another rule says. */
export function rule(name: string): Expression {
  return { kind: 'rule', name }
}

/** A grammar of one rule. */
export function grammarOf(expression: Expression): Grammar {
  return { start: 'root', rules: new Map([['root', expression]]), notes: [] }
}
