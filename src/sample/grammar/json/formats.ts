const year = '[0-9]{4}'
/** Days that each month has in every year. */
const monthAndDay =
  '(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)|02-(?:0[1-9]|1[0-9]|2[0-8]))'
const hourAndMinute = '(?:[01][0-9]|2[0-3]):[0-5][0-9]'
const date = `${year}-${monthAndDay}`
const time = `${hourAndMinute}:[0-5][0-9](?:\\.[0-9]{1,6})?(?:Z|[+-]${hourAndMinute})`
const byte = '(?:[0-9]|[1-9][0-9]|1[0-9]{2}|2[0-4][0-9]|25[0-5])'
const label = '[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?'

/**
 * Regular expressions for JSON schema's formats, each of a subset that every validator takes: dates and times after
 * RFC 3339 without leap days and leap seconds, addresses after RFC 5321 without quotes.
 */
export const formats: Readonly<Record<string, string>> = {
  date,
  time,
  'date-time': `${date}T${time}`,
  uuid: '[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}',
  email: `[a-z0-9_+-]{1,32}(?:\\.[a-z0-9_+-]{1,16}){0,2}@${label}(?:\\.${label}){0,2}\\.[a-z]{2,10}`,
  hostname: `${label}(?:\\.${label}){0,3}`,
  ipv4: `${byte}(?:\\.${byte}){3}`,
}
