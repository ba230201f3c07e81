/**
 * All benches in order, each in a process of its own, each recording its result; an idle machine and some 40 minutes.
 * The exit code is 1 where one failed.
 *
 *     ATELIER_PYTHON=… ATELIER_PEERS=… npm run bench -- all [names …]
 */
import { spawnSync } from 'node:child_process'
import { projectFolder } from './processes.ts'

const inOrder = [
  'train-gpt',
  'decode',
  'batch-decode',
  'quantized-decode',
  'train-gpt-js',
  'train-bert',
  'train-t5',
  'convolution',
  'gan-round',
  'gan-round-js',
  'decode-overhead',
  'engine-overhead',
  'sampling',
  'grammar',
  'tokenize',
  'first-token',
  'load-checkpoint',
  'first-pictures',
  'event-loop',
  'tiny-shakespeare',
]

const wanted = process.argv.length > 2 ? process.argv.slice(2) : inOrder
const failed = wanted.filter((name) => {
  console.log(`\n# ${name}`)
  const { status } = spawnSync(process.execPath, ['tools/run.mjs', '--no-build', 'bench', name], {
    cwd: projectFolder,
    stdio: 'inherit',
  })
  return status !== 0
})
if (failed.length > 0) {
  console.error(`\nbench: failed: ${failed.join(', ')}`)
  process.exitCode = 1
}
