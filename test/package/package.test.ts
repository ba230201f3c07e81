import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const run = promisify(execFile)
const root = resolve(import.meta.dirname, '../..')
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  version: string
  exports: Record<string, { default?: string }>
}
const built = (path: string) => existsSync(join(root, path))
const subpaths = Object.entries(manifest.exports).filter(([, target]) => target.default && built(target.default))

/** What a user does: an empty folder, `npm install` of the packed tarball, and the settings that README names. */
describe('the packed tarball, installed in an empty folder', () => {
  const folder = mkdtempSync(join(tmpdir(), 'atelier-package-'))
  const shell = process.platform === 'win32'
  const env = { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip', NODE_OPTIONS: '' }
  const npm = (...args: string[]) => run('npm', args, { cwd: folder, env, shell })
  const atelier = (...args: string[]) => run('npx', ['--no-install', 'atelier', ...args], { cwd: folder, env, shell })

  beforeAll(async () => {
    await run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: root, env, shell })
    writeFileSync(join(folder, 'package.json'), '{ "name": "empty", "private": true, "type": "module" }')
    const tarball = `./atelier-${manifest.version}.tgz`
    await npm('install', tarball, '--prefer-offline', '--omit=dev', '--no-audit', '--no-fund')
  }, 300_000)
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test('holds what ships and nothing else', async () => {
    const { stdout } = await run('npm', ['pack', '--dry-run', '--ignore-scripts', '--json'], { cwd: root, env, shell })
    const paths = (JSON.parse(stdout) as [{ files: { path: string }[] }])[0].files.map((file) => file.path)
    expect(paths).toEqual(expect.arrayContaining(['LICENSE', 'NOTICE', 'package.json']))
    expect(paths.filter((path) => /\.test\.|\/testing\/|^(src|test|bench)\/|tsbuildinfo/.test(path))).toEqual([])
  })

  test.for(subpaths.map(([subpath]) => subpath))('gives %s to import', async (subpath) => {
    const script = `console.log(Object.keys(await import('${subpath.replace(/^\./, 'atelier')}')).length)`
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', script], { cwd: folder, env })
    expect(Number(stdout)).toBeGreaterThan(0)
  })

  test.runIf(built('dist/cli/main.js'))('says its version', async () => {
    expect((await atelier('--version')).stdout.trim()).toBe(manifest.version)
  })

  test.runIf(built('gallery'))('writes text by its own model', async () => {
    const { stdout } = await atelier('generate', 'text', '--prompt', 'The people', '--max-tokens', '8', '--json')
    const { artifacts } = JSON.parse(stdout) as { artifacts: { text: string; tokens: number }[] }
    expect(artifacts[0]?.text.trim()).not.toBe('')
  })
})
