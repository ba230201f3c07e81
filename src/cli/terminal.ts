import type { WriteStream } from 'node:tty'

/** Where a command writes: what was asked for to stdout, how it goes to stderr; with `--json` stdout is for JSON alone. */
export class Terminal {
  readonly json: boolean
  /** Whether somebody watches stdout, stderr. */
  readonly watched: { readonly output: boolean; readonly progress: boolean }

  constructor(json: boolean) {
    this.json = json
    this.watched = { output: isScreen(process.stdout), progress: isScreen(process.stderr) }
  }

  /** Writes text to stdout as it is. */
  write(text: string): void {
    if (!this.json) process.stdout.write(text)
  }

  /** Writes a line to stdout. */
  say(line = ''): void {
    this.write(`${line}\n`)
  }

  /** Writes a line to stderr. */
  note(line = ''): void {
    process.stderr.write(`${line}\n`)
  }

  /** Ends stdout with the one JSON object, where it is wanted. */
  finish(result: object): void {
    if (this.json) process.stdout.write(`${JSON.stringify(result)}\n`)
  }
}

/**
 * Text that others wrote (a corpus, a model, a record), for a stream: a screen gets � in place of control characters
 * but new lines and tabs, for they could command it; everything else gets the text as it is.
 */
export function shown(text: string, stream: { readonly isTTY?: boolean } = process.stdout): string {
  return stream.isTTY ? text.replace(/[^\P{Cc}\n\t]/gu, '\ufffd') : text
}

/** Text that stands back on stderr, where it has colours. */
export function dim(text: string): string {
  return paint(process.stderr, '2', '22', text)
}

/** Text that stands out on stderr, where it has colours. */
export function bold(text: string): string {
  return paint(process.stderr, '1', '22', text)
}

/** Text that stands out on stdout, where it has colours. */
export function heading(text: string): string {
  return paint(process.stdout, '1', '22', text)
}

/** `NO_COLOR`, `FORCE_COLOR` and `TERM` are heard by Node. */
function paint(stream: WriteStream, on: string, off: string, text: string): string {
  return stream.isTTY && stream.hasColors() ? `\u001b[${on}m${text}\u001b[${off}m` : text
}

function isScreen(stream: WriteStream): boolean {
  return stream.isTTY === true && process.env.TERM !== 'dumb'
}
