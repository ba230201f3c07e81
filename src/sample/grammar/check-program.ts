import { ConfigError } from '../../errors.ts'
import { leastBytes } from './least-bytes.ts'
import { type Program, positionKinds } from './program.ts'

/** The most bytes that the shortest text of a grammar may have. */
const mostBytes = 20_000

/**
 * Throws {@link ConfigError} for a rule that begins with itself (left recursion), which no automaton that reads from
 * left to right can follow, and where no text at all follows the grammar, or none but very long ones.
 */
export function checkProgram(program: Program): void {
  checkLeftRecursion(program)
  const least = leastBytes(program, () => true)
  const bytes = least[program.entries[program.start] as number] as number
  if (bytes <= mostBytes) return
  if (bytes < Number.POSITIVE_INFINITY) throw tooLong(bytes)
  const endless = program.names.filter((_, rule) => least[program.entries[rule] as number] === Number.POSITIVE_INFINITY)
  throw new ConfigError(
    `grammar: no text can follow it, for ${quoted(endless)} never come to an end; add an alternative that does`,
    { rules: endless },
  )
}

function tooLong(bytes: number): ConfigError {
  return new ConfigError(
    `grammar: the shortest text that follows it has ${bytes} bytes, wanted at most ${mostBytes}; ask for fewer repetitions`,
    { bytes, mostBytes },
  )
}

function quoted(names: readonly string[]): string {
  const shown = names.slice(0, 3).map((name) => `'${name}'`)
  return `${names.length === 1 ? 'rule' : 'rules'} ${shown.join(', ')}${names.length > 3 ? ' and others' : ''}`
}

function checkLeftRecursion(program: Program): void {
  const first = firstCalls(program, nullableRules(program))
  const done = new Set<number>()
  const path: number[] = []
  const visit = (rule: number): void => {
    if (path.includes(rule)) throw leftRecursion([...path.slice(path.indexOf(rule)), rule], program)
    if (done.has(rule)) return
    path.push(rule)
    for (const called of first[rule] ?? []) visit(called)
    path.pop()
    done.add(rule)
  }
  for (let rule = 0; rule < program.entries.length; rule++) visit(rule)
}

function leftRecursion(cycle: readonly number[], { names }: Program): ConfigError {
  const name = names[cycle[0] as number]
  const way = cycle.map((rule) => names[rule]).join(' → ')
  return new ConfigError(
    `grammar: rule '${name}' begins with itself (${way}), which cannot be followed from left to right; ` +
      'break the circle, or write the repetition as item (separator item)*',
    { rule: name },
  )
}

/** Which rules can be followed without reading a byte. */
function nullableRules(program: Program): Uint8Array {
  const nullable = new Uint8Array(program.entries.length)
  for (let changed = true; changed; ) {
    changed = false
    for (const [rule, entry] of program.entries.entries()) {
      if (nullable[rule] === 1 || !reach(program, entry, nullable, () => {})) continue
      nullable[rule] = 1
      changed = true
    }
  }
  return nullable
}

/** The rules that each rule can call before it reads a byte. */
function firstCalls(program: Program, nullable: Uint8Array): number[][] {
  return program.entries.map((entry) => {
    const called = new Set<number>()
    reach(program, entry, nullable, (rule) => called.add(rule))
    return [...called]
  })
}

/** Goes wherever no byte is read; whether the rule's end is among it. */
function reach(program: Program, entry: number, nullable: Uint8Array, onCall: (rule: number) => void): boolean {
  const { kinds, targets, nexts, splits } = program
  const seen = new Set<number>()
  const left = [entry]
  let ends = false
  for (let at = left.pop(); at !== undefined; at = left.pop()) {
    if (seen.has(at)) continue
    seen.add(at)
    if (kinds[at] === positionKinds.end) ends = true
    else if (kinds[at] === positionKinds.split) left.push(...(splits.get(at) ?? []))
    else if (kinds[at] === positionKinds.call) {
      onCall(targets[at] as number)
      if (nullable[targets[at] as number] === 1) left.push(nexts[at] as number)
    }
  }
  return ends
}
