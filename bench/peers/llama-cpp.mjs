// What llama.cpp makes of exported models: greedy tokens and perplexity, as one JSON object.
//
//     npm install --omit=optional && npm install --omit=optional --no-save @node-llama-cpp/linux-x64
//     node llama-cpp.mjs ../../proof > ../../test/fixtures/export/llama-cpp.json
//
// The folder is what `npm run bench -- export-proof proof` writes: NAME-PRECISION.gguf files and `task.json`.
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { getLlama } from 'node-llama-cpp'

const folder = process.argv[2]
const { prompt, writtenTokens, measuredText } = JSON.parse(readFileSync(join(folder, 'task.json'), 'utf8'))
const llama = await getLlama({ gpu: false, build: 'never', progressLogs: false, logLevel: 'error', maxThreads: 1 })
const outcome = {}
for (const file of readdirSync(folder)
  .filter((name) => name.endsWith('.gguf'))
  .sort()) {
  const path = join(folder, file)
  const model = await llama.loadModel({ modelPath: path })
  const context = await model.createContext({ contextSize: model.trainContextSize })
  const sequence = context.getSequence()
  const promptIds = model.tokenize(prompt, false)
  const ids = []
  for await (const id of sequence.evaluate(promptIds, { temperature: 0, yieldEogToken: true })) {
    ids.push(id)
    if (ids.length >= writtenTokens) break
  }
  await sequence.clearHistory()
  const measured = model.tokenize(measuredText, false).slice(0, model.trainContextSize)
  const asked = measured.map((id, i) => [id, { generateNext: { probabilities: i < measured.length - 1 } }])
  const given = await sequence.controlledEvaluate(asked)
  const logProbabilities = measured.slice(1).map((id, i) => Math.log(given[i].next.probabilities.get(id)))
  outcome[basename(file, '.gguf')] = {
    sha256: createHash('sha256').update(readFileSync(path)).digest('hex'),
    promptIds,
    ids,
    text: model.detokenize(ids),
    perplexity: Math.exp(-logProbabilities.reduce((a, b) => a + b, 0) / logProbabilities.length),
    tokens: measured,
  }
  await context.dispose()
  await model.dispose()
}
console.log(JSON.stringify(outcome))
await llama.dispose()
process.exit(0)
