/** `12,345`. */
export function count(value: number): string {
  return Math.round(value).toLocaleString('en')
}

/** `1.4 M`: three digits at most. */
export function short(value: number): string {
  const [unit, scale] = value >= 1e9 ? ['G', 1e9] : value >= 1e6 ? ['M', 1e6] : value >= 1e3 ? ['k', 1e3] : ['', 1]
  const scaled = value / scale
  return `${scaled >= 100 || scale === 1 ? Math.round(scaled) : scaled.toFixed(1)}${unit && ` ${unit}`}`
}

/** `10.8 MB`, in thousands. */
export function bytes(value: number): string {
  return value < 1000 ? `${value} bytes` : `${short(value)}B`
}

/** `1:05`, `1:02:05`. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60]
  const two = (part: number) => String(part).padStart(2, '0')
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}

/** Names and values under each other, aligned. */
export function table(rows: readonly (readonly [string, string])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length))
  return rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`).join('\n')
}

/** Text moved in by some spaces, broken at words to fit a width. */
export function indent(text: string, spaces: number, width = 100): string {
  const margin = ' '.repeat(spaces)
  return text
    .split('\n')
    .flatMap((line) => wrap(line, width - spaces))
    .map((line) => (margin + line).trimEnd())
    .join('\n')
}

function wrap(line: string, width: number): string[] {
  const lines: string[] = ['']
  for (const word of line.split(' ')) {
    const last = lines.at(-1)!
    if (last !== '' && last.length + 1 + word.length > width) lines.push(word)
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`
  }
  return lines
}
