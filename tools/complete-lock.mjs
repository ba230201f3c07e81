// Completes package-lock.json with optional packages for other platforms, which npm leaves out when it could not look them up.
// `npm ci` refuses such a lock. Run it after `npm install` where `npm ci` says "Missing: …@ from lock file".
import { readFileSync, writeFileSync } from 'node:fs'

const path = new URL('../package-lock.json', import.meta.url)
const lock = JSON.parse(readFileSync(path, 'utf8'))

/** What npm would have read from the package: `@biomejs/cli-linux-x64-musl` is for linux, x64, musl. */
function entryOf(name, version, dev) {
  const match = /-(android|darwin|freebsd|linux|openharmony|win32)-(\w+)(?:-(\w+))?$/.exec(name)
  if (!match) throw new Error(`complete-lock: ${name} is missing and its platform isn't in its name; add it by hand`)
  const [, os, cpu, abi = ''] = match
  const libc = abi.startsWith('musl') ? ['musl'] : abi.startsWith('gnu') && os === 'linux' ? ['glibc'] : undefined
  return { version, cpu: [cpu], ...(dev && { dev }), ...(libc && { libc }), optional: true, os: [os] }
}

for (const [folder, { optionalDependencies = {}, dev }] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(optionalDependencies)) {
    const known = lock.packages[`node_modules/${name}`] ?? lock.packages[`${folder}/node_modules/${name}`]
    if (!known) lock.packages[`node_modules/${name}`] = entryOf(name, version, dev)
  }
}
const [root, ...others] = Object.entries(lock.packages)
others.sort(([a], [b]) => a.localeCompare(b, 'en'))
writeFileSync(path, `${JSON.stringify({ ...lock, packages: Object.fromEntries([root, ...others]) }, null, 2)}\n`)
