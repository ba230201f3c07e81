import { ConfigError } from '../errors.ts'
import type { EngineName } from '../runtime/engine.ts'

/** A number's range, as an option's help and its errors tell it. */
export interface NumberRange {
  readonly whole?: boolean
  readonly minimum?: number
  readonly above?: number
  readonly maximum?: number
}

/** A parser for an option that is a number. Throws {@link ConfigError} that names the option, what it got and wanted. */
export function numberOption(flag: string, range: NumberRange = {}): (text: string) => number {
  return (text) => {
    const value = text.trim() === '' ? Number.NaN : Number(text)
    if (isWithin(value, range)) return value
    throw new ConfigError(`${flag}: got '${text}', wanted ${describeRange(range)}`, { option: flag, value: text })
  }
}

/** A parser for an option that is a word or a path: neither empty nor the next option. */
export function textOption(flag: string, what: string): (text: string) => string {
  return (text) => {
    if (text !== '' && !text.startsWith('--')) return text
    throw new ConfigError(`${flag}: got '${text}', wanted ${what}`, { option: flag, value: text })
  }
}

/** The same for an option that can be given several times. */
export function textsOption(flag: string, what: string): (text: string, before?: string[]) => string[] {
  const parse = textOption(flag, what)
  return (text, before = []) => [...before, parse(text)]
}

/** A parser for texts as they are, in which `\n` and `\t` stand for a new line and a tab. */
export function literalsOption(flag: string): (text: string, before?: string[]) => string[] {
  return (text, before = []) => {
    if (text === '') throw new ConfigError(`${flag}: got nothing, wanted a text`, { option: flag })
    return [...before, text.replace(/\\([nt\\])/g, (_, letter) => ({ n: '\n', t: '\t' })[letter as string] ?? '\\')]
  }
}

/** A parser for `key=value`, as often as it is given. */
export function pairsOption(flag: string, example: string) {
  return (text: string, before: Readonly<Record<string, string>> = {}): Record<string, string> => {
    const [, key, value] = /^([^=]+)=(.+)$/s.exec(text) ?? []
    if (key === undefined || value === undefined)
      throw new ConfigError(`${flag}: got '${text}', wanted key=value, such as ${example}`, { option: flag })
    if (key in before) throw new ConfigError(`${flag}: ${key} is given twice; leave one out`, { option: flag, key })
    return { ...before, [key]: value }
  }
}

/** `--threads`, which all commands that compute have. */
export const threadsOption = [
  '--threads <n>',
  'threads to compute with [default: one a core]',
  numberOption('--threads', { whole: true, minimum: 1, maximum: 1024 }),
] as const

const engineNames: readonly EngineName[] = ['cpu', 'cuda', 'wasm', 'webgpu']

/** `--engine`, beside it. */
export const engineOption = [
  '--engine <name>',
  'what to compute with: cpu, cuda; wasm, webgpu in a page [default: cpu]',
  (text: string): EngineName => {
    const name = engineNames.find((engine) => engine === text)
    if (name) return name
    throw new ConfigError(`--engine: got '${text}', wanted ${engineNames.join(', ')}`, { option: '--engine' })
  },
] as const

/** An object without what is undefined. */
export function given<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never
}

/** The value of an option that a command cannot do without. Throws {@link ConfigError} with an example. */
export function needed<T>(value: T | undefined, command: string, option: string, example: string): T {
  if (value !== undefined) return value
  throw new ConfigError(`${command}: no ${option}; ${example}`, { option })
}

/** Throws {@link ConfigError} where more than one of some options is given. */
export function oneOf(options: Readonly<Record<string, unknown>>, names: readonly string[], why: string): void {
  const given = names.filter((name) => options[name] !== undefined)
  if (given.length < 2) return
  throw new ConfigError(`${given.map((name) => `--${name}`).join(' and ')}: ${why}; leave one out`, { given })
}

/** `0 to 100`, `above 0 to 1`, `1 or more`: for help. */
export function shortRange({ minimum, above, maximum }: NumberRange): string {
  const from = above === undefined ? `${minimum ?? ''}` : `above ${above}`
  return maximum === undefined || maximum === Number.MAX_SAFE_INTEGER ? `${from} or more` : `${from} to ${maximum}`
}

function isWithin(value: number, { whole, minimum, above, maximum }: NumberRange): boolean {
  if (whole ? !Number.isSafeInteger(value) : !Number.isFinite(value)) return false
  return value >= (minimum ?? -Infinity) && value > (above ?? -Infinity) && value <= (maximum ?? Infinity)
}

function describeRange({ whole, minimum, above, maximum }: NumberRange): string {
  const bounds = [
    above === undefined ? undefined : `above ${above}`,
    minimum === undefined ? undefined : `at least ${minimum}`,
    maximum === undefined ? undefined : `at most ${maximum}`,
  ].filter((bound) => bound !== undefined)
  return [whole ? 'a whole number' : 'a number', bounds.join(', ')].join(' ').trimEnd()
}
