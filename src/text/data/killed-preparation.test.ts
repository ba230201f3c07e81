import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { afterAll, expect, it } from 'vitest'
import { openCorpus } from './open-corpus.ts'
import { prepareCorpus } from './prepare-corpus.ts'

const root = mkdtempSync(join(tmpdir(), 'atelier-killed-'))
afterAll(() => rmSync(root, { recursive: true }))

/** Bundles a program that prepares `text` into `folder`, telling each step. */
async function programFor(text: string, folder: string): Promise<string> {
  const program = join(root, 'prepare.mjs')
  const module = fileURLToPath(new URL('prepare-corpus.ts', import.meta.url))
  const banner = { js: "import { createRequire as from } from 'node:module'; const require = from(import.meta.url)" }
  const contents = `import { prepareCorpus } from ${JSON.stringify(module)}
    const onProgress = ({ stage, done }) => process.stdout.write(stage + ' ' + done + '\\n')
    const options = { paths: [${JSON.stringify(text)}], folder: ${JSON.stringify(folder)}, tokenizer: { kind: 'byte' }, workers: 0 }
    await prepareCorpus({ ...options, onProgress })
    process.stdout.write('whole\\n')`
  const stdin = { contents, resolveDir: root }
  await build({ stdin, outfile: program, bundle: true, platform: 'node', format: 'esm', banner, logLevel: 'error' })
  return program
}

/** Runs the program and kills it at its `steps`-th line, unless it came to its end first. */
function runAndKill(program: string, steps: number): Promise<{ code: number | null; signal: string | null }> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [program], { stdio: ['ignore', 'pipe', 'inherit'] })
    let lines = 0
    child.stdout.on('data', (chunk: Buffer) => {
      lines += chunk.toString().split('\n').length - 1
      if (lines >= steps) child.kill('SIGKILL')
    })
    child.on('error', reject)
    child.on('exit', (code, signal) => resolve({ code, signal }))
  })
}

it('killed at any instant, a preparation leaves a whole corpus or none, and runs again', {
  timeout: 60_000,
}, async () => {
  const text = join(root, 'text.txt')
  writeFileSync(text, 'Call me Ishmael. Some years ago, never mind how long precisely.\n'.repeat(60_000))
  const folder = join(root, 'corpora')
  mkdirSync(folder)
  const program = await programFor(text, folder)
  let killed = 0
  for (const steps of [1, 10, 17, 20, 24, 28, 31]) {
    const { code, signal } = await runAndKill(program, steps)
    expect(signal ?? code).toBe(code === 0 ? 0 : 'SIGKILL')
    killed += signal === 'SIGKILL' ? 1 : 0
    for (const name of readdirSync(folder).filter((entry) => !entry.startsWith('.'))) {
      const corpus = await openCorpus(join(folder, name))
      expect(corpus.train.tokens + corpus.validation.tokens).toBe(60_000 * 64)
      corpus.close()
      rmSync(join(folder, name), { recursive: true })
    }
  }
  expect(killed).toBeGreaterThan(3)
  const corpus = await prepareCorpus({ paths: [text], folder, tokenizer: { kind: 'byte' } })
  expect(corpus.train.tokens + corpus.validation.tokens).toBe(60_000 * 64)
  corpus.close()
  expect(readdirSync(folder)).toEqual([corpus.folder.slice(folder.length + 1)])
})
