// Runs a TypeScript file of this project as its users would: against the compiled package.
//
//     node tools/run.mjs bench/decode seconds=5        (or: node tools/run.mjs bench decode seconds=5)
//
// Builds the package first, so that dist/ is never older than src/; with --no-build first, dist/ is taken as it is.
// The file and what it imports from its own folder become one script in dist-bench/ (dist-examples/, dist-recipes/),
// as deep as the original, so paths relative to it stay true. Imports of ../src/x.ts go to dist/x.js; packages stay outside.
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = fileURLToPath(new URL('..', import.meta.url))
const args = process.argv.slice(2)
const isBuilt = args[0] === '--no-build' && args.shift() !== undefined
const isFolder = ['bench', 'examples', 'recipes'].includes(args[0])
const name = (isFolder ? args.splice(0, 2).join('/') : args.shift())?.replace(/\.ts$/, '')
const source = resolve(root, `${name}.ts`)
if (!name || !existsSync(source)) {
  console.error(`run: no file ${name ?? ''}.ts in the project; name one, such as bench/decode`)
  process.exit(2)
}

if (!isBuilt) {
  const compiler = fileURLToPath(import.meta.resolve('typescript/bin/tsc'))
  const { status } = spawnSync(process.execPath, [compiler, '--project', 'tsconfig.build.json'], {
    cwd: root,
    stdio: 'inherit',
  })
  if (status !== 0) {
    console.error('run: the package does not compile; mend what is said above, or run dist/ as it is with --no-build')
    process.exit(1)
  }
}

const compiledPackage = {
  name: 'compiled-package',
  setup({ onResolve }) {
    onResolve({ filter: /\/src\/.*\.ts$/ }, ({ path, resolveDir }) => {
      const inSource = relative(resolve(root, 'src'), resolve(resolveDir, path))
      return { path: new URL(`../dist/${inSource.replace(/\.ts$/, '.js')}`, import.meta.url).href, external: true }
    })
  },
}

const path = relative(root, source).replace(/\.ts$/, '.mjs')
const outfile = resolve(root, path.startsWith('dist-') ? path : `dist-${path}`)
await build({
  entryPoints: [source],
  outfile,
  bundle: true,
  platform: 'node',
  format: 'esm',
  target: 'node20',
  packages: 'external',
  sourcemap: 'inline',
  logLevel: 'error',
  plugins: [compiledPackage],
})
spawn(process.execPath, ['--enable-source-maps', outfile, ...args], { stdio: 'inherit' }).on('exit', (code, signal) => {
  process.exitCode = code ?? (signal ? 1 : 0)
})
