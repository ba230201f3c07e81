/** A number for people: `10.8 M`, `12,345`, `0.00100`, `2.513`. */
export function formatNumber(value: number): string {
  const size = Math.abs(value)
  if (!Number.isFinite(value)) return '–'
  if (size >= 1e9) return `${round(value / 1e9)} G`
  if (size >= 1e6) return `${round(value / 1e6)} M`
  if (Number.isInteger(value) || size >= 1e4) return Math.round(value).toLocaleString('en-GB')
  if (size < 1e-3) return value.toExponential(2)
  return value.toPrecision(4)
}

/** A number for an axis: as short as it can be. */
export function formatTick(value: number): string {
  const size = Math.abs(value)
  if (size >= 1e6) return `${Number((value / 1e6).toPrecision(4))}M`
  if (size >= 1e4) return `${Number((value / 1e3).toPrecision(4))}k`
  if (size !== 0 && size < 1e-3) return value.toExponential().replace('e-', 'e−')
  return String(Number(value.toPrecision(6)))
}

/** Seconds for people: `48 s`, `2 min 41 s`, `3 h 05 min`. */
export function formatDuration(seconds: number): string {
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${twoDigits(whole % 60)} s`
  return `${Math.floor(whole / 3600)} h ${twoDigits(Math.floor(whole / 60) % 60)} min`
}

function twoDigits(value: number): string {
  return String(value).padStart(2, '0')
}

function round(value: number): string {
  return value.toFixed(Math.abs(value) < 100 ? 1 : 0)
}
