import { ConfigError } from '../errors.ts'
import { nearestName } from '../nearest-name.ts'

/** One setting of a craft: its range, and what it does. `Name` is a key of the craft's settings. */
export interface SettingField<Name extends string = string> {
  readonly name: Name
  /** `[least, greatest]` of a number; `whole` ones are integers. */
  readonly range?: readonly [number, number]
  readonly whole?: boolean
  /** The words that it may be. */
  readonly words?: readonly string[]
  readonly description: string
}

/** A row for a whole number from `least` to `greatest`. */
export function wholeSetting<Name extends string>(
  name: Name,
  least: number,
  greatest: number,
  description: string,
): SettingField<Name> {
  return { name, range: [least, greatest], whole: true, description }
}

/** A row for a number from `least` to `greatest`. */
export function realSetting<Name extends string>(
  name: Name,
  least: number,
  greatest: number,
  description: string,
): SettingField<Name> {
  return { name, range: [least, greatest], description }
}

/** A craft's settings: the table that describes them, and presets by name. */
export interface SettingsTable<Settings extends object> {
  /** Such as `text`: names the help to look at. */
  readonly craft: string
  readonly fields: readonly SettingField<Extract<keyof Settings, string>>[]
  readonly presets: Readonly<Record<string, Settings>>
}

/**
 * A preset with changes, checked. `changes` may hold text, as `--set` gives it.
 * Throws {@link ConfigError}: an unknown preset or key (naming the nearest), a value of the wrong kind or out of range.
 */
export function resolveSettings<Settings extends object>(
  table: SettingsTable<Settings>,
  preset: string,
  changes: Readonly<Record<string, unknown>> = {},
): Settings {
  const base = Object.entries(table.presets).find(([key]) => key === preset)?.[1]
  if (!base)
    throw new ConfigError(`preset: there is no ${preset}, wanted ${Object.keys(table.presets).join(', ')}`, {
      name: preset,
    })
  const parsed = Object.entries(changes).map(([key, value]) => [key, parseSetting(table, key, value)] as const)
  return { ...base, ...Object.fromEntries(parsed) }
}

function parseSetting<Settings extends object>(table: SettingsTable<Settings>, key: string, value: unknown): unknown {
  const { fields, craft } = table
  const field = fields.find((candidate) => candidate.name === key)
  if (!field) {
    const names = fields.map((candidate) => candidate.name)
    const nearest = nearestName(key, names)
    const remedy = nearest ? `did you mean ${nearest}?` : `see \`atelier train ${craft} --help\``
    throw new ConfigError(`set: there is no setting ${key}; ${remedy}`, { key, nearest })
  }
  const parsed = field.range ? toNumber(value) : field.words ? String(value) : toBoolean(value)
  if (fits(field, parsed)) return parsed
  throw new ConfigError(`set: ${key} is ${JSON.stringify(value)}, wanted ${wanted(field)}`, { key, value })
}

const toNumber = (value: unknown) => (typeof value === 'string' && value.trim() !== '' ? Number(value) : value)
const toBoolean = (value: unknown) => (value === 'true' ? true : value === 'false' ? false : value)

function fits({ range, whole, words }: SettingField, value: unknown): boolean {
  if (words) return words.includes(String(value))
  if (!range) return typeof value === 'boolean'
  const inRange = typeof value === 'number' && value >= range[0] && value <= range[1]
  return inRange && (!whole || Number.isInteger(value))
}

/** In words, what a setting may be: for messages. */
function wanted({ range, whole, words }: SettingField): string {
  if (words) return words.join(' or ')
  if (!range) return 'true or false'
  return `${whole ? 'a whole number' : 'a number'} from ${range[0]} to ${range[1]}`
}

/** What a setting may be, in short: for help. */
export function settingChoices({ range, words }: SettingField): string {
  if (words) return words.join(', ')
  return range ? `${range[0]} to ${range[1]}` : 'true, false'
}
