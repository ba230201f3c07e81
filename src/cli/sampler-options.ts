import { Option } from 'commander'
import { readyGrammars } from '../sample/grammar/form.ts'
import { type SettingField, samplerFields } from '../sample/settings.ts'
import { literalsOption, numberOption, pairsOption, shortRange, textOption } from './options.ts'

/** The sampler's settings as options, `topK` as `--top-k`, in the order of its table. */
export function samplerOptions(): Option[] {
  return samplerFields.map((field) => {
    const flag = `--${kebab(field.name)}`
    const { argument, parse } = forms[field.type](flag, field)
    const option = new Option(argument ? `${flag} ${argument}` : flag, `${field.description}${noted(field)}`)
    option.negate = false // --no-repeat-ngram is a name, not the contrary of one
    return parse ? option.argParser(parse as (text: string) => unknown) : option
  })
}

/** What options of {@link samplerOptions} came to, by the settings' names. */
export function samplerValues(options: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const values = samplerFields.map(({ name, type }) => {
    const value = options[name]
    return [name, type === 'biases' && value ? biases(value as Record<string, string>) : value] as const
  })
  return Object.fromEntries(values.filter(([, value]) => value !== undefined))
}

interface Form {
  readonly argument?: string
  readonly parse?: (text: string, before?: never) => unknown
}

const forms: Readonly<Record<SettingField['type'], (flag: string, field: SettingField) => Form>> = {
  number: (flag, field) => ({ argument: '<x>', parse: numberOption(flag, field) }),
  integer: (flag, field) => ({ argument: '<n>', parse: numberOption(flag, { ...field, whole: true }) }),
  boolean: () => ({}),
  strings: (flag) => ({ argument: '<text>', parse: literalsOption(flag) }),
  breakers: (flag) => ({ argument: '<text>', parse: literalsOption(flag) }),
  biases: (flag) => ({ argument: '<id=value...>', parse: pairsOption(flag, '198=-5') }),
  regex: () => ({ argument: '<regex>' }),
  schema: (flag) => ({ argument: '<file>', parse: textOption(flag, 'a file') }),
  grammar: (flag) => ({ argument: '<file>', parse: textOption(flag, 'a file or a name') }),
}

function biases(given: Readonly<Record<string, string>>): Record<string, number> {
  const parse = (id: string, text: string) => {
    numberOption('--logit-bias (id)', { whole: true, minimum: 0 })(id)
    return numberOption(`--logit-bias ${id}`)(text)
  }
  return Object.fromEntries(Object.entries(given).map(([id, text]) => [id, parse(id, text)]))
}

function noted(field: SettingField): string {
  if (field.name === 'seed') return ' [default: a new one each time, which is shown]'
  if (field.type === 'strings') return ' [repeatable; \\n is a new line]'
  if (field.type === 'breakers') return ` [repeatable; default: ${JSON.stringify(field.default)}]`
  if (field.type === 'grammar') return ` [GBNF, or by name: ${Object.keys(readyGrammars).join(', ')}]`
  if (['boolean', 'biases', 'regex', 'schema'].includes(field.type)) return ''
  return ` [${shortRange(field)}; default: ${field.default}]`
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}
