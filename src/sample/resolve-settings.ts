import { ConfigError } from '../errors.ts'
import { nearestName } from '../nearest-name.ts'
import { defaultSamplerSettings, type SamplerSettings, type SettingField, samplerFields } from './settings.ts'

/**
 * All settings, those not given (or `undefined`) at their defaults.
 *
 * Takes untrusted input; idempotent. Throws {@link ConfigError} with a one-line remedy for an unknown name, a wrong
 * type, a number out of range, and settings that contradict each other.
 */
export function resolveSamplerSettings(
  given: Readonly<Record<string, unknown>> | Partial<SamplerSettings>,
): SamplerSettings {
  const settings: Record<string, unknown> = { ...defaultSamplerSettings }
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue
    const field = samplerFields.find((candidate) => candidate.name === name)
    if (field === undefined) throw unknownName(name)
    checkValue(field, value)
    settings[name] = value
  }
  const resolved = settings as unknown as SamplerSettings
  for (const { when, message } of contradictions) {
    if (when(resolved)) throw new ConfigError(`sampler settings: ${message(resolved)}`, { given })
  }
  return resolved
}

function unknownName(name: string): ConfigError {
  const names = samplerFields.map((field) => field.name)
  const nearest = nearestName(name, names)
  const remedy = nearest === undefined ? `wanted one of ${names.join(', ')}` : `did you mean '${nearest}'?`
  return new ConfigError(`sampler settings: unknown setting '${name}'; ${remedy}`, { name, nearest })
}

function checkValue(field: SettingField, value: unknown): void {
  if (checks[field.type](value, field)) return
  const got = typeof value === 'number' ? String(value) : JSON.stringify(value)
  throw new ConfigError(`${field.name}: got ${got}, wanted ${wanted(field)}`, { name: field.name, value })
}

/** Beyond it a logit is all or nothing; far beyond it is no number. */
const largestBias = 10_000

const checks: Readonly<Record<SettingField['type'], (value: unknown, field: SettingField) => boolean>> = {
  number: (value, field) => typeof value === 'number' && Number.isFinite(value) && inRange(value, field),
  integer: (value, field) => Number.isSafeInteger(value) && inRange(value as number, field),
  boolean: (value) => typeof value === 'boolean',
  strings: (value) => Array.isArray(value) && value.every((text) => typeof text === 'string' && text !== ''),
  breakers: (value) =>
    Array.isArray(value) && value.every((item) => (typeof item === 'string' && item !== '') || isId(item)),
  biases: (value) =>
    typeof value === 'object' &&
    value !== null &&
    Object.entries(value).every(
      ([id, bias]) => /^\d+$/.test(id) && typeof bias === 'number' && Math.abs(bias) <= largestBias,
    ),
  regex: (value) => typeof value === 'string',
  schema: (value) => ['string', 'boolean'].includes(typeof value) || isPlainObject(value),
  grammar: (value) => typeof value === 'string',
}

function isPlainObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function inRange(value: number, { minimum, above, maximum }: SettingField): boolean {
  return value >= (minimum ?? -Infinity) && value > (above ?? -Infinity) && value <= (maximum ?? Infinity)
}

function isId(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

/** What a field takes, in words: `a number above 0, at most 1`. */
export function wanted({ type, minimum, above, maximum }: SettingField): string {
  if (type === 'boolean') return 'true or false'
  if (type === 'strings') return 'a list of texts that are not empty'
  if (type === 'breakers') return 'a list of ids or texts that are not empty'
  if (type === 'regex') return 'a regular expression as a text'
  if (type === 'schema') return 'a JSON schema as an object or a text'
  if (type === 'grammar') return 'a grammar in GBNF as a text'
  if (type === 'biases') return `an object of numbers from -${largestBias} to ${largestBias} by id, such as {"198": -5}`
  const bounds = [
    above === undefined ? undefined : `above ${above}`,
    minimum === undefined ? undefined : `at least ${minimum}`,
    maximum === undefined ? undefined : `at most ${maximum}`,
  ]
  const range = bounds.filter((bound) => bound !== undefined).join(', ')
  return `${type === 'integer' ? 'a whole number' : 'a number'} ${range}`
}

interface Contradiction {
  readonly when: (settings: SamplerSettings) => boolean
  readonly message: (settings: SamplerSettings) => string
}

const contradictions: readonly Contradiction[] = [
  {
    when: ({ temperature, gibbsSweeps }) => temperature === 0 && gibbsSweeps > 0,
    message: () => 'Gibbs sampling draws, which temperature 0 does not; raise temperature, or leave gibbsSweeps out',
  },
  {
    when: ({ temperature, n, beams }) => temperature === 0 && n > 1 && beams === 1,
    message: ({ n }) =>
      `temperature 0 would make all n = ${n} continuations equal; raise temperature, or set beams ≥ n`,
  },
  {
    when: ({ n, beams }) => beams > 1 && n > beams,
    message: ({ n, beams }) => `n = ${n} is more than beams = ${beams} can give; set beams to ${n} or n to ${beams}`,
  },
  {
    when: (settings) => settings.beams > 1 && drawingSetting(settings) !== undefined,
    message: (settings) => `beam search draws nothing at random; remove ${drawingSetting(settings)} or set beams to 1`,
  },
  {
    when: ({ beams, stop }) => beams > 1 && stop.length > 0,
    message: () => 'beam search ends at the end of text, not at stop strings; remove stop or set beams to 1',
  },
  {
    when: (settings) => formSettings(settings).length > 1,
    message: (settings) => `${formSettings(settings).join(' and ')} cannot be asked for at once; choose one`,
  },
  {
    when: (settings) => settings.stop.length > 0 && formSettings(settings).length > 0,
    message: (settings) => `stop could end what ${formSettings(settings)[0]} asks for in the middle; remove stop`,
  },
  {
    when: ({ minTokens, maxTokens }) => minTokens > maxTokens,
    message: ({ minTokens, maxTokens }) =>
      `minTokens = ${minTokens} is more than maxTokens = ${maxTokens}; raise maxTokens or lower minTokens`,
  },
  {
    when: (settings) => settings.minTokens > 0 && formSettings(settings).length > 0,
    message: (settings) => `${formSettings(settings)[0]} says itself where a text may end; remove minTokens`,
  },
  ...dependents('beams', ['lengthPenalty', 'earlyStopping', 'beamGroups'], 'set beams above 1'),
  ...dependents('beamGroups', ['diversity'], 'set it to 2, say'),
  {
    when: ({ beams, beamGroups }) => beams % beamGroups !== 0,
    message: ({ beams, beamGroups }) =>
      `${beams} beams don't divide into ${beamGroups} groups; set beams to ${Math.ceil(beams / beamGroups) * beamGroups}`,
  },
  ...dependents('dryMultiplier', ['dryBase', 'dryAllowedLength', 'drySequenceBreakers'], 'set it to 0.8, say'),
]

/** The settings that ask for a form. */
function formSettings(settings: SamplerSettings): string[] {
  return (['regex', 'jsonSchema', 'grammar'] as const).filter((name) => settings[name] !== '')
}

/** The first setting of chance that is neither at its default nor off. */
function drawingSetting(settings: SamplerSettings): string | undefined {
  const names = ['temperature', 'topK', 'topP', 'minP', 'typicalP'] as const
  return names.find((name) => {
    const field = fieldOf(name)
    const greedy = name === 'temperature' && settings.temperature === 0
    return settings[name] !== field.default && settings[name] !== field.off && !greedy
  })
}

/** Settings that do nothing while `master` is off: given to no effect, one is a mistake. */
function dependents(
  master: keyof SamplerSettings,
  names: readonly (keyof SamplerSettings)[],
  remedy: string,
): Contradiction[] {
  const isOff = (settings: SamplerSettings) => settings[master] === fieldOf(master).off
  return names.map((name) => ({
    when: (settings) => isOff(settings) && JSON.stringify(settings[name]) !== JSON.stringify(fieldOf(name).default),
    message: (settings) => `${name} does nothing while ${master} is ${settings[master]}; ${remedy}, or remove ${name}`,
  }))
}

function fieldOf(name: keyof SamplerSettings): SettingField {
  return samplerFields.find((field) => field.name === name) as SettingField
}
