// Writes what other programs are to prove exports by: `npm run bench -- export-proof FOLDER`, see bench/peers/README.md.
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { exportModel } from '../src/export/export-model.ts'
import {
  galleryModel,
  givenIds,
  makeModel,
  makeOther,
  measuredText,
  otherNames,
  prompt,
  sketches,
  stride,
  writtenIds,
  writtenTokens,
} from '../test/export/models.ts'

const folder = process.argv[2] ?? 'proof'
await mkdir(folder, { recursive: true })
await writeFile(
  join(folder, 'task.json'),
  JSON.stringify({ prompt, writtenTokens, measuredText, givenIds, writtenIds, stride }),
)
const precisions = ['f32', 'f16', 'q8_0', 'q4_0']
for (const precision of precisions)
  await exportModel(galleryModel, 'gguf', join(folder, `en-${precision}.gguf`), precision)
await exportModel(galleryModel, 'hf', join(folder, 'en-hf'))
for (const precision of ['f32', 'f16', 'q8', 'q4'])
  await exportModel(galleryModel, 'onnx', join(folder, `en-${precision}-onnx`), precision)
for (const name of Object.keys(sketches)) {
  const model = join(folder, 'models', name)
  await makeModel(name, model)
  for (const precision of ['f32', 'q8_0'])
    await exportModel(model, 'gguf', join(folder, `${name}-${precision}.gguf`), precision)
  await exportModel(model, 'hf', join(folder, `${name}-hf`))
  await exportModel(model, 'onnx', join(folder, `${name}-f32-onnx`))
}
for (const name of otherNames) {
  await makeOther(name, join(folder, 'models', name))
  await exportModel(join(folder, 'models', name), 'hf', join(folder, `${name}-hf`))
}
console.log(folder)
