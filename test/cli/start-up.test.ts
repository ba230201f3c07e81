import { resolve } from 'node:path'
import { build } from 'esbuild'
import { expect, test } from 'vitest'

/** All that is loaded before a command begins its work: modules by what first asked for them. */
async function loadedAtStart(): Promise<ReadonlyMap<string, string | undefined>> {
  const { metafile } = await build({
    absWorkingDir: resolve(import.meta.dirname, '../..'),
    entryPoints: ['src/cli/program.ts'],
    outdir: 'never-written',
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    write: false,
    metafile: true,
  })
  const loaded = new Map<string, string | undefined>([['src/cli/program.ts', undefined]])
  for (const file of loaded.keys())
    for (const { path, kind } of metafile.inputs[file]?.imports ?? [])
      if (kind === 'import-statement' && !loaded.has(path)) loaded.set(path, file)
  return loaded
}

test('a command starts without what only some of them need', async () => {
  const loaded = await loadedAtStart()
  expect(loaded.has('commander')).toBe(true)
  const heavy = ['zod', 'sharp', 'onnx-proto', 'koffi', 'hyparquet', 'csv-parse', 'onnxruntime-node']
  expect(heavy.filter((name) => loaded.has(name)).map((name) => `${name} by ${loaded.get(name)}`)).toEqual([])
})
