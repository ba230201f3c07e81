// What transformers.js makes of exported models: greedy tokens, as one JSON object.
//
//     npm install --no-save --ignore-scripts @huggingface/transformers
//     node transformers-js.mjs ../../proof > ../../test/fixtures/export/transformers-js.json
//
// The folder is what `npm run bench -- export-proof proof` writes: folders NAME-PRECISION-onnx and `task.json`.
import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { AutoModelForCausalLM, AutoTokenizer, env } from '@huggingface/transformers'

env.allowRemoteModels = false
const folder = resolve(process.argv[2])
const { prompt, writtenTokens } = JSON.parse(readFileSync(join(folder, 'task.json'), 'utf8'))
const dtypes = { f32: 'fp32', f16: 'fp16', q8: 'q8', q4: 'q4' }
const outcome = {}
for (const name of readdirSync(folder)
  .filter((one) => one.endsWith('-onnx'))
  .sort()) {
  const path = join(folder, name)
  const tokenizer = await AutoTokenizer.from_pretrained(path)
  const model = await AutoModelForCausalLM.from_pretrained(path, { dtype: dtypes[name.split('-')[1]], device: 'cpu' })
  const given = await tokenizer(prompt, { add_special_tokens: false })
  const made = await model.generate({ ...given, max_new_tokens: writtenTokens, do_sample: false, eos_token_id: null })
  const ids = [...made.data].map(Number)
  const length = given.input_ids.dims[1]
  outcome[name.slice(0, -'-onnx'.length)] = {
    promptIds: ids.slice(0, length),
    ids: ids.slice(length),
  }
  await model.dispose()
}
console.log(JSON.stringify(outcome))
