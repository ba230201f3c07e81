import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { CheckpointError } from '../../src/errors.ts'
import { writeJsonFile } from '../../src/files/json-file.ts'
import { writeSafetensors } from '../../src/files/safetensors-file.ts'
import { float32, type HostTensor } from '../../src/graph/dtype.ts'
import { loadAnyModel } from '../../src/models/checkpoint.ts'
import { familyOf, rowOf } from '../../src/models/registry.ts'
import { initialize } from '../../src/nn/parameters.ts'
import { Random } from '../../src/random/random.ts'
import { TextModel } from '../../src/text/text-model.ts'
import { checkpoints, type Json, type Published, some, type Tensors } from './published-checkpoints.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'atelier-published-'))
})
afterEach(() => rm(folder, { recursive: true }))

/** Writes a tiny model with a config; gives its weights. */
async function publish({ config, tiny, family, odd = (tensors) => tensors, metadata = {} }: Published) {
  const small = { ...config, ...tiny }
  await writeJsonFile(join(folder, 'config.json'), small)
  const row = rowOf(family, small, 'config.json')
  const { scope } = row.build(row.read(small, 'config.json') as never)
  const weights = Object.fromEntries(
    [...scope.parameters.values()].map((parameter) => [parameter.name, initialize(parameter, Random.seed(3))]),
  )
  await writeSafetensors(join(folder, 'model.safetensors'), odd(weights), { metadata })
  return weights
}

const tokenizers = fileURLToPath(new URL('../fixtures/tokenizers', import.meta.url))

async function publishTokenizer([name, config]: readonly [string, Json]) {
  await writeFile(join(folder, 'tokenizer.json'), await readFile(join(tokenizers, `${name}.json`)))
  await writeJsonFile(join(folder, 'tokenizer_config.json'), config)
}

describe.each(Object.entries(checkpoints))('%s', (_, published) => {
  const { config, family, says, tokenizer, prompt } = published

  it('is of its family, and its whole config.json says what it is', () => {
    expect(familyOf(config, 'config.json')).toBe(family)
    expect(rowOf(family, config, 'config.json').read(config, 'config.json')).toMatchObject(says)
  })

  it('gives every weight from a file that is as odd', async () => {
    const weights = await publish(published)
    expect((await loadAnyModel(family, folder)).weights).toEqual(weights)
  })

  it.runIf(tokenizer)('writes, with a tokenizer as sparse', async () => {
    await publish(published)
    await publishTokenizer(tokenizer!)
    const model = await TextModel.load(folder, { threads: 1 })
    const [made] = await model.complete([prompt!], { maxTokens: 3, seed: 1 })
    expect(made!.ids.length).toBeGreaterThan(0)
    expect(made!.ids.every((id) => model.tokenizer.tokenOf(id) !== undefined || id >= model.tokenizer.vocabSize)).toBe(
      true,
    )
    await model.release()
  })
})

describe('what a sparse tokenizer config leaves to programs', () => {
  it('is found by the usual names: of BERT, of RoBERTa, of T5', async () => {
    const { loadTokenizer } = await import('../../src/data/tokenizers/load.ts')
    const bert = loadTokenizer(await readFile(join(tokenizers, 'uncased.json'), 'utf8'), { do_lower_case: true })
    const named = (id: number | undefined) => (id === undefined ? undefined : bert.tokenOf(id))
    expect([bert.cls, bert.sep, bert.mask, bert.pad, bert.unknown].map(named)).toEqual([
      '[CLS]',
      '[SEP]',
      '[MASK]',
      '[PAD]',
      '[UNK]',
    ])
    const t5 = loadTokenizer(await readFile(join(tokenizers, 't5.json'), 'utf8'), { model_max_length: 512 })
    expect(t5.tokenOf(t5.eos!)).toBe('</s>')
    const vocab = Object.fromEntries(['<s>', '<pad>', '</s>', '<unk>', 'a', '<mask>'].map((token, id) => [token, id]))
    const roberta = loadTokenizer({ model: { type: 'WordLevel', vocab, unk_token: '<unk>' } })
    expect([roberta.cls, roberta.bos, roberta.pad, roberta.sep, roberta.eos, roberta.unknown, roberta.mask]).toEqual([
      0, 0, 1, 2, 2, 3, 5,
    ])
    const says = loadTokenizer({ model: { type: 'WordLevel', vocab, unk_token: '<unk>' } }, { eos_token: '</s>' })
    expect([says.bos, says.mask, says.pad, says.eos]).toEqual([undefined, undefined, undefined, 2])
  })
})

describe('is refused in one line, whatever the family:', () => {
  const of = (start: string) => Object.entries(checkpoints).find(([name]) => name.startsWith(start))![1]
  const families = [of('bert-base'), of('t5-small'), of('SmolLM')] as const

  it.each(families)('a tokenizer with more tokens than the model has: %#', async (published) => {
    await publish({ ...published, tiny: { ...published.tiny, vocab_size: 100 } })
    await publishTokenizer(published.tokenizer!)
    const loading = TextModel.load(folder)
    await expect(loading).rejects.toThrow(/has \d+ tokens, the model 100; do the files belong together\?$/)
    await expect(loading).rejects.toThrow(CheckpointError)
  })

  it.each(families)('tensors that are missing, unexpected, misshapen, or not numbers: %#', async (published) => {
    const weights = await publish({ ...published, odd: (tensors) => tensors })
    const name = Object.keys(weights).at(-1)!
    const { shape, data } = weights[name]!
    const broken: readonly (readonly [Tensors, RegExp])[] = [
      [
        Object.fromEntries(Object.entries(weights).filter(([key]) => key !== name)),
        /the weights lack .*; is the download/,
      ],
      [{ ...weights, stray: some }, /hold 1 tensors that config\.json does not ask for, such as stray;/],
      [{ ...weights, [name]: float32(new Float32Array(3), [3]) }, /is \[3\], config\.json wants \[/],
      [
        {
          ...weights,
          [name]: { dtype: 'float32', shape, data: new Float32Array(data.length).fill(Number.NaN) } as HostTensor,
        },
        /holds NaN at element 0/,
      ],
      [
        { ...weights, [name]: { dtype: 'int32', shape, data: new Int32Array(data.length) } },
        /is stored as I32, wanted F32/,
      ],
    ]
    for (const [tensors, message] of broken) {
      await writeSafetensors(join(folder, 'model.safetensors'), tensors)
      await expect(loadAnyModel(published.family, folder)).rejects.toThrow(message)
      await expect(loadAnyModel(published.family, folder)).rejects.toThrow(/^[^\n]+$/)
    }
  })

  it('a type of numbers that is not known, an encoder without its head, shards that are not all there', async () => {
    await publish(of('SmolLM'))
    const header = JSON.stringify({ 'model.norm.weight': { dtype: 'F8_E4M3', shape: [1], data_offsets: [0, 1] } })
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(BigInt(header.length))
    await writeFile(join(folder, 'model.safetensors'), Buffer.concat([length, Buffer.from(header), Buffer.alloc(1)]))
    await expect(loadAnyModel('causal', folder)).rejects.toThrow(
      /its type "F8_E4M3" is not one of .*; load an unquantized copy/,
    )

    const withoutHead = (tensors: Tensors) =>
      Object.fromEntries(
        Object.entries(tensors).flatMap(([name, tensor]) =>
          name.startsWith('bert.') ? [[name.slice('bert.'.length), tensor] as const] : [],
        ),
      )
    await publish({ ...of('bert-base'), odd: withoutHead })
    await expect(loadAnyModel('masked', folder)).rejects.toThrow(
      /the weights lack cls\.predictions\.\S+; is the download complete\?/,
    )

    await rm(join(folder, 'model.safetensors'))
    const weight_map = { 'cls.predictions.bias': 'model-00001-of-00002.safetensors' }
    await writeJsonFile(join(folder, 'model.safetensors.index.json'), { weight_map })
    await expect(loadAnyModel('masked', folder)).rejects.toThrow(/model-00001-of-00002\.safetensors: it does not exist/)
  })
})
