import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { globSync } from 'tinyglobby'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

/**
 * Every ```ts block of the README and the guides compiles; one that promises output runs. A docstring's block is a sketch unless it
 * promises output; then it compiles and runs too.
 * The promise is in comments that begin with an arrow, in the order of the lines printed: `console.log(1 + 1) // → 2`.
 * `…` in it stands for anything. A block that can only be read (it needs a GPU, or hours) begins with `// not run: why`.
 */
interface Example {
  readonly name: string
  readonly code: string
  readonly expected: readonly string[]
}

const root = resolve(import.meta.dirname, '..')
const folder = join(root, 'dist-documentation')
/** `npm test` has just built the package. */
const runner = ['tools/run.mjs', ...(existsSync(join(root, 'dist/index.js')) ? ['--no-build'] : [])]

function examplesOf(path: string): Example[] {
  const source = readFileSync(path, 'utf8')
  const text = path.endsWith('.ts') ? docstringsOf(source) : source
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].flatMap(([, code = ''], index) => {
    const expected = [...code.matchAll(/\/\/ → (.*)$/gm)].map((match) => (match[1] ?? '').trim())
    if (code.startsWith('// not run: ') || (path.endsWith('.ts') && expected.length === 0)) return []
    return [{ name: `${relative(root, path)} ${index + 1}`, code, expected }]
  })
}

/** The text of all docstrings, without their stars. */
function docstringsOf(source: string): string {
  const docstrings = source.match(/^ *\/\*\*.*?\*\/$/gms) ?? []
  return docstrings.map((docstring) => docstring.replace(/^ *\* ?/gm, '')).join('\n')
}

function fileOf(example: Example): string {
  return join(folder, `${example.name.replace(/[^a-zA-Z0-9]+/g, '-')}.ts`)
}

/** Runs a command in the project's root; gives its exit code and everything it printed. */
function run(
  command: string,
  args: readonly string[],
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  return new Promise((done) => {
    const child = spawn(command, args, { cwd: root })
    const output = { stdout: '', stderr: '' }
    child.stdout.on('data', (chunk: Buffer) => {
      output.stdout += chunk.toString()
    })
    child.stderr.on('data', (chunk: Buffer) => {
      output.stderr += chunk.toString()
    })
    child.on('close', (code) => done({ code, ...output }))
  })
}

/** A pattern for one promised line, in which `…` stands for anything. */
function pattern(line: string): RegExp {
  const literal = line.split('…').map((part) => part.trim().replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
  return new RegExp(`^${literal.join('.*')}$`, 's')
}

const pages = globSync(['README.md', 'ARCHITECTURE.md', 'CONTRIBUTING.md', 'docs/*.md'], { cwd: root, absolute: true })
const sources = globSync(['src/**/*.ts', '!**/*.test.ts'], { cwd: root, absolute: true })
const examples = [...pages, ...sources].sort().flatMap(examplesOf)

describe.runIf(examples.length > 0)('documentation examples', () => {
  beforeAll(() => {
    mkdirSync(folder, { recursive: true })
    const options = {
      extends: '../tsconfig.json',
      compilerOptions: { incremental: false },
      include: ['*.ts'],
      exclude: [],
    }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify(options))
    for (const example of examples) writeFileSync(fileOf(example), `${example.code}\nexport {}\n`)
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  test('compile', async () => {
    const { stdout } = await run(process.execPath, ['node_modules/typescript/bin/tsc', '--project', folder])
    expect(stdout).toBe('')
  })

  test.for(examples.filter(({ expected }) => expected.length > 0))('$name prints what it promises', async (example) => {
    const { code, stdout, stderr } = await run(process.execPath, [...runner, fileOf(example)])
    expect(stderr).toBe('')
    const lines = stdout.trimEnd().split('\n')
    for (const [index, line] of example.expected.entries()) expect(lines[index]?.trim()).toMatch(pattern(line))
    expect(lines.length).toBe(example.expected.length)
    expect(code).toBe(0)
  })
})

const scripts = existsSync(join(root, 'examples')) ? globSync('examples/*.ts', { cwd: root }) : []

describe.runIf(scripts.length > 0)('examples/', () => {
  test.for(scripts.sort())('%s reaches its own result', async (script) => {
    const { code, stderr } = await run(process.execPath, [...runner, script])
    expect(code, stderr).toBe(0)
  })
})

test('an example is found in a page and in a docstring, with its promise', () => {
  const page = '/** Adds.\n *\n * ```ts\n * console.log(1 + 1) // → 2\n * ```\n */\n'
  expect(docstringsOf(page)).toContain('```ts\nconsole.log(1 + 1) // → 2\n```')
  expect('took 12 ms').toMatch(pattern('took … ms'))
  expect('took 12 s').not.toMatch(pattern('took … ms'))
})
