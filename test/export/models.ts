import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { CausalConfig } from '../../src/models/architecture.ts'
import { saveModel } from '../../src/models/checkpoint.ts'
import type { MaskedConfig } from '../../src/models/masked-architecture.ts'
import { architectureNamed, rowNamed } from '../../src/models/registry.ts'
import type { SequenceConfig } from '../../src/models/sequence-architecture.ts'
import type { Parameter, Scope } from '../../src/nn/parameters.ts'
import { initializeAll } from '../../src/nn/parameters.ts'
import { Random } from '../../src/random/random.ts'

/** A path of the project, from its root: where npm runs what it runs. */
const place = (path: string) => resolve(path)

const shared: CausalConfig = {
  vocabSize: 900,
  contextLength: 64,
  dModel: 64,
  nLayers: 2,
  nHeads: 4,
  nKvHeads: 2,
  dFf: 96,
  dropout: 0,
  tieEmbeddings: false,
  ropeTheta: 10_000,
  normEpsilon: 1e-5,
  bosTokenId: 899,
  eosTokenId: 899,
}

interface Sketch {
  readonly architecture: string
  readonly settings?: Partial<CausalConfig>
  /** A file of test/fixtures/tokenizers, and its `tokenizer_config.json`. */
  readonly tokenizer?: string
  readonly roles?: object
}

const endOfText = { bos_token: '<|endoftext|>', eos_token: '<|endoftext|>' }

/** Models of every form with weights by chance, large enough that each part shows in what they write. */
export const sketches: Readonly<Record<string, Sketch>> = {
  gpt2: { architecture: 'gpt2', settings: { nKvHeads: 4, tieEmbeddings: true } },
  llama: {
    architecture: 'decoder',
    settings: {
      vocabSize: 704,
      ropeScaling: { kind: 'llama3', factor: 4, lowFrequency: 1, highFrequency: 4, originalContext: 32 },
      bosTokenId: 1,
      eosTokenId: 2,
    },
    tokenizer: 'llama',
    roles: { bos_token: '<s>', eos_token: '</s>', unk_token: '<unk>', add_bos_token: true },
  },
  linear: { architecture: 'decoder', settings: { ropeScaling: { kind: 'linear', factor: 2 } } },
  mistral: { architecture: 'mistral', settings: { dHead: 8 } },
  qwen2: { architecture: 'qwen2' },
  qwen3: { architecture: 'qwen3', settings: { dHead: 32 } },
}

const sizes = {
  vocabSize: 900,
  contextLength: 64,
  dModel: 32,
  nLayers: 2,
  nHeads: 4,
  dFf: 48,
  dropout: 0,
  padTokenId: 0,
}
const masked: MaskedConfig = { ...sizes, tieEmbeddings: true, normEpsilon: 1e-12, tokenTypes: 2 }
const answering: SequenceConfig = {
  ...{ ...sizes, nEncoderLayers: 2, dHead: 8, buckets: 32, maxDistance: 128, tieEmbeddings: true, normEpsilon: 1e-6 },
  ...{ gated: false, eosTokenId: 1, startTokenId: 0 },
}

/** Models of the other families, which transformers alone reads. */
const otherFamilies = {
  bert: () => rowNamed('masked', 'bert').build(masked),
  distilbert: () => rowNamed('masked', 'distilbert').build({ ...masked, tokenTypes: 0 }),
  roberta: () => rowNamed('masked', 'roberta').build({ ...masked, tokenTypes: 1, padTokenId: 1 }),
  t5: () => rowNamed('sequenceToSequence', 't5').build(answering),
  't5-gated': () => rowNamed('sequenceToSequence', 't5').build({ ...answering, gated: true, tieEmbeddings: false }),
} as const

/** Their names. */
export const otherNames = Object.keys(otherFamilies) as readonly (keyof typeof otherFamilies)[]

/** Makes the folder of a model of another family. */
export async function makeOther(name: keyof typeof otherFamilies, folder: string): Promise<void> {
  await writeModel(otherFamilies[name](), folder, 'bpe', endOfText)
}

/** Makes the folder of a sketch: the same bytes on every machine. */
export async function makeModel(name: string, folder: string): Promise<void> {
  const { architecture: kind, settings, tokenizer = 'bpe', roles = endOfText } = sketches[name]!
  await writeModel(architectureNamed(kind).build({ ...shared, ...settings }), folder, tokenizer, roles)
}

/** A parameter whose weights are drawn around 0, as those were of which other libraries made the fixtures. */
function around0(parameter: Parameter): Parameter {
  const { initializer } = parameter
  if (initializer.kind !== 'normal') return parameter
  return { ...parameter, initializer: { kind: 'normal', deviation: initializer.deviation } }
}

async function writeModel(
  architecture: { readonly scope: Scope; readonly config: Readonly<Record<string, unknown>> },
  folder: string,
  tokenizer: string,
  roles: object,
): Promise<void> {
  const weights = await initializeAll([...architecture.scope.parameters.values()].map(around0), Random.seed(11))
  for (const { data, shape } of weights.values())
    if (shape.length === 2) for (let i = 0; i < data.length; i++) (data as Float32Array)[i]! *= 6
  await mkdir(folder, { recursive: true })
  await saveModel(folder, architecture, Object.fromEntries(weights))
  const json = JSON.parse(await readFile(place(`test/fixtures/tokenizers/${tokenizer}.json`), 'utf8'))
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(json))
  await writeFile(
    join(folder, 'tokenizer_config.json'),
    JSON.stringify({ tokenizer_class: 'PreTrainedTokenizerFast', ...roles }),
  )
}

/** The trained decoder of the gallery. */
export const galleryModel = place('gallery/en')

/** What models of other families are given: ids of a text, and what has been written of another. */
export const givenIds = [[7, 300, 12, 899, 45, 2, 640]]
export const writtenIds = [[0, 18, 277, 5]]
/** Of their logits every so many are compared. */
export const stride = 23

/** What all are asked to write on from, greedily. */
export const prompt = 'The people of the United States'
export const writtenTokens = 24

/** What perplexity is measured on: words that none of the models was trained on. */
export const measuredText =
  'I thank you for the welcome that you have given me today. Our first duty is to those who work for their living, ' +
  'and to their children. We have come a long way since the war, and there is a long way to go. In the last year ' +
  'prices have risen less than wages, more of our young people go to school than ever before, and our farms feed not ' +
  'only this nation but many others. I ask the Congress to act on the bill that I have sent it, and to act without delay.'
