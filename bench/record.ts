import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'

/** One measurement, beside the bar that it must reach where there is one. */
export interface Measurement {
  readonly measure: string
  readonly value: number
  readonly unit: string
  /** What it must reach, in words: `≥ 1`, `≤ 50 ms`. */
  readonly bar?: string
  /** What it was compared with and how: the peer's own number, the settings. */
  readonly note?: string
}

interface Result {
  readonly bench: string
  readonly date: string
  readonly machine: {
    readonly cpu: string
    readonly cores: number
    readonly memoryGb: number
    readonly system: string
    readonly node: string
  }
  readonly libraries: Readonly<Record<string, string>>
  readonly measurements: readonly Measurement[]
}

// The compiled bench lies in dist-bench/, as deep as its source: paths go by the project's root.
const results = new URL('../bench/results/', import.meta.url)
const readme = new URL('../bench/README.md', import.meta.url)

function versionOf(library: string): string {
  const manifest = new URL(`../node_modules/${library}/package.json`, import.meta.url)
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version
}

function machine(): Result['machine'] {
  const processors = cpus()
  const cpu = processors[0]?.model ?? 'unknown'
  const memoryGb = Math.round(totalmem() / 2 ** 30)
  return { cpu, cores: processors.length, memoryGb, system: `${process.platform} ${release()}`, node: process.version }
}

function tableOf({ bench, date, machine: m, libraries, measurements }: Result): string {
  const versions = Object.entries(libraries).map(([name, version]) => `${name} ${version}`)
  const rows = measurements.map(
    ({ measure, value, unit, bar = '', note = '' }) =>
      `| ${measure} | ${Number(value.toPrecision(4))} ${unit} | ${bar} | ${note} |`,
  )
  const where = [
    `${date}, ${m.cpu}, ${m.cores} cores, ${m.memoryGb} GB, ${m.system}, Node ${m.node}`,
    ...versions,
  ].join(', ')
  return [
    `### ${bench}`,
    '',
    where,
    '',
    '| measure | result | bar | note |',
    '| --- | --- | --- | --- |',
    ...rows,
  ].join('\n')
}

/**
 * Writes `bench/results/NAME.json` with the machine's name and the libraries' versions, then renews the tables in
 * `bench/README.md` from all results.
 */
export function record(
  bench: string,
  measurements: readonly Measurement[],
  libraries: Readonly<Record<string, string>> = {},
): void {
  const known = Object.fromEntries(['onnxruntime-node', 'koffi'].map((library) => [library, versionOf(library)]))
  const date = new Date().toISOString().slice(0, 10)
  const result: Result = { bench, date, machine: machine(), libraries: { ...known, ...libraries }, measurements }
  mkdirSync(results, { recursive: true })
  writeFileSync(new URL(`${bench}.json`, results), `${JSON.stringify(result, null, 2)}\n`)
  const files = readdirSync(results).filter((file) => file.endsWith('.json'))
  const all = files.sort().map((file) => JSON.parse(readFileSync(new URL(file, results), 'utf8')) as Result)
  const [before = ''] = readFileSync(readme, 'utf8').split('\n## Results\n')
  writeFileSync(readme, `${before}\n## Results\n\n${all.map(tableOf).join('\n\n')}\n`)
}
