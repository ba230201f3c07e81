import { bracketClass } from './bracket-class.ts'
import { characterEscape } from './character-escapes.ts'
import { anyCharacter } from './character-set.ts'
import { characters, choice, type Expression, type Grammar, repeat, rule, sequence, text } from './expression.ts'
import { takeQuantifier } from './quantifier.ts'
import { Scanner } from './scanner.ts'

const nameCharacter = /[A-Za-z0-9_-]/
const root = 'root'

/**
 * The grammar of a GBNF text, llama.cpp's notation (`grammars/README.md` there): rules `name ::= …`, of which `root` is
 * the whole text; `"text"`, `[class]`, `.`, names, `( )`, `|`, `* + ?`, `{n,m}`, comments from `#`. A rule may
 * run over several lines wherever the next line begins no rule.
 *
 * Throws {@link ConfigError} with line and column for mistakes; notes say which rules `root` never reaches.
 */
export function gbnfGrammar(source: string, name = 'grammar'): Grammar {
  const rules = new GbnfParser(new Scanner(source, name)).parse()
  const unreached = unreachedRules(rules)
  const note = `${name}: nothing that begins with ${root} reaches ${unreached.map((one) => `'${one}'`).join(', ')}`
  return { start: root, rules, notes: unreached.length === 0 ? [] : [note] }
}

class GbnfParser {
  readonly #scanner: Scanner
  readonly #rules = new Map<string, Expression>()
  /** Where each name is first used. */
  readonly #used = new Map<string, number>()

  constructor(scanner: Scanner) {
    this.#scanner = scanner
  }

  parse(): ReadonlyMap<string, Expression> {
    const scanner = this.#scanner
    for (this.#skip(); !scanner.isAtEnd; this.#skip()) this.#rule()
    if (!this.#rules.has(root)) throw scanner.error(`there is no rule '${root}', which a whole text follows; add it`)
    for (const [name, at] of this.#used) {
      if (!this.#rules.has(name)) throw scanner.error(`rule '${name}' is used but not defined; define it`, at)
    }
    return this.#rules
  }

  /** Passes over spaces, ends of lines and comments. */
  #skip(): void {
    const scanner = this.#scanner
    for (scanner.takeWhile(/\s/); scanner.peek() === '#'; scanner.takeWhile(/\s/)) scanner.takeWhile(/[^\n]/)
  }

  #rule(): void {
    const scanner = this.#scanner
    const start = scanner.at
    const name = scanner.takeWhile(nameCharacter)
    if (name === '') throw scanner.error(`got ${scanner.shown()}, wanted a rule, name ::= …`)
    this.#skip()
    scanner.expect('::=')
    if (this.#rules.has(name)) throw scanner.error(`rule '${name}' is defined twice; join the two by |`, start)
    this.#rules.set(name, this.#alternatives())
  }

  #alternatives(): Expression {
    const options = [this.#alternative()]
    while (this.#scanner.takes('|')) options.push(this.#alternative())
    return choice(...options)
  }

  #alternative(): Expression {
    const scanner = this.#scanner
    const parts: Expression[] = []
    for (this.#skip(); !scanner.isAtEnd && !'|)'.includes(scanner.peek()) && !this.#seesRule(); this.#skip()) {
      parts.push(this.#quantified())
    }
    return sequence(...parts)
  }

  /** Whether the next rule begins here. */
  #seesRule(): boolean {
    const scanner = this.#scanner
    const start = scanner.at
    const name = scanner.takeWhile(nameCharacter)
    this.#skip()
    const begins = name !== '' && scanner.sees('::=')
    scanner.at = start
    return begins
  }

  #quantified(): Expression {
    let body = this.#atom()
    for (let found = takeQuantifier(this.#scanner); found !== undefined; found = takeQuantifier(this.#scanner)) {
      body = repeat(body, found.least, found.most)
    }
    return body
  }

  #atom(): Expression {
    const scanner = this.#scanner
    const start = scanner.at
    const name = scanner.takeWhile(nameCharacter)
    if (name !== '') {
      if (!this.#used.has(name)) this.#used.set(name, start)
      return rule(name)
    }
    const character = scanner.next()
    if (character === '"') return this.#literal(start)
    if (character === '[') return characters(bracketClass(scanner))
    if (character === '.') return characters(anyCharacter)
    if (character === '(') return this.#group(start)
    scanner.at = start
    throw scanner.error(`got ${scanner.shown()}, wanted "text", [class], a rule's name or a group`)
  }

  #literal(start: number): Expression {
    const scanner = this.#scanner
    let literal = ''
    while (!scanner.takes('"')) {
      if (scanner.isAtEnd || scanner.peek() === '\n') {
        throw scanner.error('this " is never closed on its line; end the text with ", or write \\n', start)
      }
      literal += scanner.takes('\\') ? String.fromCodePoint(characterEscape(scanner)) : scanner.next()
    }
    return text(literal)
  }

  #group(start: number): Expression {
    return this.#scanner.group(start, () => this.#alternatives())
  }
}

/** Names of rules that the first one never comes to. */
function unreachedRules(rules: ReadonlyMap<string, Expression>): string[] {
  const reached = new Set([root])
  const visit = (expression: Expression | undefined): void => {
    if (expression?.kind === 'rule') reached.add(expression.name)
    else if (expression?.kind === 'sequence') expression.parts.forEach(visit)
    else if (expression?.kind === 'choice') expression.options.forEach(visit)
    else if (expression?.kind === 'repeat') visit(expression.body)
  }
  for (const name of reached) visit(rules.get(name))
  return [...rules.keys()].filter((name) => !reached.has(name))
}
