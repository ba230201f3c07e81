import { ConfigError } from '../../errors.ts'
import { nearestName } from '../../nearest-name.ts'
import type { CharacterSet } from './character-set.ts'
import type { Expression, Grammar } from './expression.ts'
import { type Program, ProgramBuilder } from './program.ts'
import { hasMultiByte, multiBytePositions, singleBytes } from './utf8-positions.ts'

const utf8 = new TextEncoder()

/** The {@link Program} of a grammar. Throws {@link ConfigError} for rules that are not defined, and for one too large. */
export function compile(grammar: Grammar): Program {
  return new Compiler(grammar).compile()
}

class Compiler {
  readonly #grammar: Grammar
  readonly #builder = new ProgramBuilder()
  readonly #rules = new Map<string, number>()
  readonly #sets = new Map<string, number>()
  /** Rules whose positions are still to be made. */
  readonly #pending: { readonly rule: number; readonly body: Expression }[] = []

  constructor(grammar: Grammar) {
    this.#grammar = grammar
  }

  compile(): Program {
    const start = this.#ruleOf(this.#grammar.start)
    for (let next = this.#pending.pop(); next !== undefined; next = this.#pending.pop()) {
      this.#builder.setEntry(next.rule, this.#positions(next.body, this.#builder.end()))
    }
    return this.#builder.build(start)
  }

  #ruleOf(name: string): number {
    const known = this.#rules.get(name)
    if (known !== undefined) return known
    const body = this.#grammar.rules.get(name)
    if (body === undefined) throw undefinedRule(name, this.#grammar)
    const rule = this.#builder.addRule(name)
    this.#rules.set(name, rule)
    this.#pending.push({ rule, body })
    return rule
  }

  /** The position from which `expression` is read before it goes on at `next`. */
  #positions(expression: Expression, next: number): number {
    switch (expression.kind) {
      case 'text':
        return this.#text(expression.text, next)
      case 'characters':
        return this.#characters(expression.set, next)
      case 'sequence':
        return expression.parts.reduceRight((after, part) => this.#positions(part, after), next)
      case 'choice':
        return this.#builder.split(expression.options.map((option) => this.#positions(option, next)))
      case 'repeat':
        return this.#repeat(expression.body, expression.least, expression.most, next)
      case 'rule':
        return this.#builder.call(this.#ruleOf(expression.name), next)
    }
  }

  #text(text: string, next: number): number {
    return utf8.encode(text).reduceRight((after, byte) => this.#builder.read(oneByte(byte), after), next)
  }

  /** Characters of several bytes are a rule of their own, made once for each set. */
  #characters(set: CharacterSet, next: number): number {
    const single = singleBytes(set)
    const ways = single === undefined ? [] : [this.#builder.read(single, next)]
    if (hasMultiByte(set)) ways.push(this.#builder.call(this.#multiByteRule(set), next))
    return this.#builder.split(ways)
  }

  #multiByteRule(set: CharacterSet): number {
    const key = set.join(';')
    const known = this.#sets.get(key)
    if (known !== undefined) return known
    const rule = this.#builder.addRule('characters')
    this.#sets.set(key, rule)
    this.#builder.setEntry(rule, this.#builder.split(multiBytePositions(set, this.#builder, this.#builder.end())))
    return rule
  }

  #repeat(body: Expression, least: number, most: number, next: number): number {
    if (isOptional(body)) return this.#repeat(body.body, 0, most, next)
    const counted = least + (most === Number.POSITIVE_INFINITY ? 1 : most)
    const unit = counted > 1 && isLong(body) ? this.#shared(body) : body
    let position = most === Number.POSITIVE_INFINITY ? this.#loop(unit, next) : this.#upTo(unit, most - least, next)
    for (let i = 0; i < least; i++) position = this.#positions(unit, position)
    return position
  }

  #loop(body: Expression, next: number): number {
    const loop = this.#builder.split([])
    this.#builder.setSplit(loop, [this.#positions(body, loop), next])
    return loop
  }

  #upTo(body: Expression, most: number, next: number): number {
    let position = next
    for (let i = 0; i < most; i++) position = this.#builder.split([this.#positions(body, position), next])
    return position
  }

  /** A rule without a name of its own, so that copies of `body` take one position each. */
  #shared(body: Expression): Expression {
    const name = `(repeated ${this.#rules.size})`
    const rule = this.#builder.addRule(name)
    this.#rules.set(name, rule)
    this.#pending.push({ rule, body })
    return { kind: 'rule', name }
  }
}

/** Whether `body` may be left out, so that repeating it need not count those that are. */
function isOptional(body: Expression): body is Expression & { readonly kind: 'repeat' } {
  return body.kind === 'repeat' && body.least === 0 && body.most === 1
}

function isLong(body: Expression): boolean {
  if (body.kind === 'text') return body.text.length > 1
  return body.kind === 'sequence' || body.kind === 'choice' || body.kind === 'repeat'
}

function oneByte(byte: number): Uint8Array {
  const holds = new Uint8Array(256)
  holds[byte] = 1
  return holds
}

function undefinedRule(name: string, { rules }: Grammar): ConfigError {
  const nearest = nearestName(name, [...rules.keys()])
  const remedy = nearest === undefined ? 'define it' : `did you mean '${nearest}'?`
  return new ConfigError(`grammar: rule '${name}' is used but not defined; ${remedy}`, { rule: name, nearest })
}
