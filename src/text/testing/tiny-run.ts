import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeSafetensors } from '../../files/safetensors.ts'
import { Random } from '../../random/random.ts'
import type { TextRunResult } from '../text-run.ts'
import { type TextTrainEvent, type TrainTextOptions, trainText } from '../train-text.ts'

/** Sizes of a model that trains in a second. */
export const tinySizes = {
  dModel: 32,
  nLayers: 2,
  nHeads: 2,
  nKvHeads: 1,
  dFf: 64,
  contextLength: 32,
  batchSize: 4,
  warmupSteps: 2,
  evaluations: 3,
}

/** A folder for a test file's runs and texts; `remove` it at the end. */
export function temporaryFolder() {
  const root = mkdtempSync(join(tmpdir(), 'atelier-text-'))
  let made = 0
  return {
    fresh: () => join(root, `run-${made++}`),
    file: (name: string, text: string) => {
      writeFileSync(join(root, name), text)
      return join(root, name)
    },
    remove: () => rmSync(root, { recursive: true }),
  }
}

/** Sentences of few words, as many as asked, always the same ones. */
export function tinyText(sentences: number, seed = 1): string {
  const random = Random.seed(seed)
  const pick = (words: string) => {
    const all = words.split(' ')
    return all[random.integer(all.length)]
  }
  const sentence = () =>
    `The ${pick('old young quiet tall')} ${pick('cat sailor queen river')} ${pick('sees loves follows')} ` +
    `the ${pick('moon sea road garden')}${pick('. ! ?')}\n`
  return Array.from({ length: sentences }, sentence).join('')
}

/** Trains to the end; `look` hears of each event. */
export async function runToEnd(
  options: TrainTextOptions,
  look: (event: TextTrainEvent) => void = () => {},
): Promise<TextRunResult> {
  const events = trainText({ tokenizer: { kind: 'char' }, threads: 2, ...options })
  for (;;) {
    const { done, value } = await events.next()
    if (done) return value
    look(value)
  }
}

/** All that a run's end is: state to the last bit, weights that were kept, the curve. */
export function remains(run: string, kept = 'model.safetensors') {
  const lines = readFileSync(join(run, 'metrics.jsonl'), 'utf8').trim().split('\n')
  const events = lines.map((line) => JSON.parse(line) as Record<string, unknown>)
  const facts = events.flatMap(({ type, step, loss, validationLoss, accuracy, text: made }) =>
    type === 'end' || type === 'checkpoint' ? [] : [{ type, step, loss, validationLoss, accuracy, made }],
  )
  const state = tensorsOf(readFileSync(join(run, 'last', 'state.safetensors')))
  return { state, kept: readFileSync(join(run, kept)).toString('base64'), facts }
}

/** Tensors of a safetensors file's bytes, by name. */
export function tensorsOf(bytes: Uint8Array): Record<string, unknown> {
  return Object.fromEntries(Object.entries(decodeSafetensors(bytes).tensors).map(([name, { data }]) => [name, data]))
}
