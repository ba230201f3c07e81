import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll } from 'vitest'
import { tinyText } from '../../src/text/testing/tiny-run.ts'

/** The command as it is built: what a user runs. */
export const program = resolve(import.meta.dirname, '../../dist/cli/main.js')

/** What a finished command left. */
export interface Finished {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A folder for runs and texts, which goes when the test file is done; commands run in it. */
export function workshop() {
  const folder = mkdtempSync(join(tmpdir(), 'atelier-cli-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const write = (name: string, content: string | Uint8Array) => {
    writeFileSync(join(folder, name), content)
    return name
  }
  write('tiny.txt', tinyText(400))
  const begin = (words: readonly string[], environment: NodeJS.ProcessEnv = {}) =>
    spawn(process.execPath, [program, ...words], { cwd: folder, env: { ...process.env, ...environment } })
  const run = (words: readonly string[], input: string | Uint8Array = '', environment: NodeJS.ProcessEnv = {}) => {
    const child = begin(words, environment)
    child.stdin.on('error', () => {}).end(input)
    return finished(child)
  }
  return { folder, path: (name: string) => join(folder, name), write, begin, run }
}

/** Waits until a command has ended. */
export async function finished(child: ChildProcess): Promise<Finished> {
  const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)]
  const [code, signal] = await new Promise<[number | null, NodeJS.Signals | null]>((done) =>
    child.on('close', (...ended) => done(ended)),
  )
  return { code, signal, stdout: stdout.join(''), stderr: stderr.join('') }
}

function collect(stream: NodeJS.ReadableStream | null): string[] {
  const pieces: string[] = []
  stream?.setEncoding('utf8').on('data', (piece: string) => pieces.push(piece))
  return pieces
}

/** The JSON object that ends stdout, which `--json` keeps free of all else. */
export function resultOf<T>({ stdout }: Finished): T {
  return JSON.parse(stdout) as T
}

/** Options of a training that takes a second. */
export const tiny = [
  ...['--tokenizer', 'char', '--threads', '1', '--steps', '6'],
  ...['--set', 'dModel=16', 'nLayers=1', 'nHeads=2', 'dFf=32', 'contextLength=32', 'batchSize=4', 'evaluations=2'],
]
