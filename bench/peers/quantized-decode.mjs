// Another library's greedy decoding of an exported model, timed token by token, as one JSON object with ids to compare.
//
//     node --experimental-import-meta-resolve quantized-decode.mjs llama-cpp PACKAGES MODEL.gguf 128 4
//     node --experimental-import-meta-resolve quantized-decode.mjs transformers-js PACKAGES MODELS/NAME:q8 128 4
//
// PACKAGES is the folder whose node_modules holds the library; the numbers are tokens a text, and texts after a first.
import { basename, dirname } from 'node:path'
import { pathToFileURL } from 'node:url'

const threads = 2
const [library, packages, model, tokens, texts] = process.argv.slice(2)
const prompt = [5, 6, 7, 8, 9, 10, 11, 12]
const load = (name) => import(import.meta.resolve(name, pathToFileURL(`${packages}/-`)))

const libraries = {
  'llama-cpp': async (path) => {
    const { getLlama } = await load('node-llama-cpp')
    const llama = await getLlama({
      gpu: false,
      build: 'never',
      progressLogs: false,
      logLevel: 'error',
      maxThreads: threads,
    })
    const loaded = await llama.loadModel({ modelPath: path })
    const context = await loaded.createContext({ contextSize: loaded.trainContextSize, threads })
    const sequence = context.getSequence()
    return async (count, hear) => {
      await sequence.clearHistory()
      for await (const id of sequence.evaluate(prompt, { temperature: 0, yieldEogToken: true })) {
        hear(id)
        if (--count === 0) return
      }
    }
  },
  'transformers-js': async (named) => {
    const { AutoModelForCausalLM, BaseStreamer, env, Tensor } = await load('@huggingface/transformers')
    const [folder, dtype] = named.split(':')
    env.allowRemoteModels = false
    env.localModelPath = `${dirname(folder)}/`
    const loaded = await AutoModelForCausalLM.from_pretrained(basename(folder), {
      ...{ dtype, device: 'cpu', session_options: { intraOpNumThreads: threads } },
    })
    const row = (values) => new Tensor('int64', BigInt64Array.from(values, BigInt), [1, values.length])
    return async (count, hear) => {
      const streamer = new BaseStreamer()
      let isPrompt = true
      streamer.put = ([ids]) => {
        if (!isPrompt) hear(Number(ids.at(-1)))
        isPrompt = false
      }
      streamer.end = () => {}
      const inputs = { input_ids: row(prompt), attention_mask: row(prompt.map(() => 1)) }
      await loaded.generate({ ...inputs, max_new_tokens: count, min_new_tokens: count, do_sample: false, streamer })
    }
  },
}

const write = await libraries[library](model)
const times = []
let ids = []
for (let text = 0; text <= Number(texts); text++) {
  ids = []
  let last
  await write(Number(tokens), (id) => {
    const now = performance.now()
    if (text > 0 && last !== undefined) times.push((now - last) / 1e3)
    last = now
    ids.push(id)
  })
}
times.sort((a, b) => a - b)
const peak_mb = process.resourceUsage().maxRSS / 1e3
console.log(JSON.stringify({ best_s: times[0], median_s: times[times.length >> 1], peak_mb, ids }))
process.exit(0)
