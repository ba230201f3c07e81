import { writeTokenizer } from '../../data/tokenizers/folder.ts'
import { countWords, trainBpe } from '../../data/tokenizers/index.ts'
import type { HostTensor } from '../../graph/dtype.ts'
import type { Conditioning, GanConfig } from '../../models/gan.ts'
import { saveGan } from '../../models/gan-checkpoint.ts'
import { ganNamed } from '../../models/gan-registry.ts'
import { initialize, type Parameter } from '../../nn/parameters.ts'
import { Random } from '../../random/random.ts'

/** Settings of a pair of networks that is made and run in no time. */
export const tinyGan: GanConfig = {
  imageSize: 16,
  channels: 3,
  patch: 1,
  latentSize: 8,
  generatorWidth: 8,
  discriminatorWidth: 8,
  maxWidth: 16,
  blocks: 1,
  conditionWidth: 8,
  textLayers: 1,
  conditioning: { kind: 'none' },
}

/** Names of the classes of {@link writeTinyGan}. */
export const tinyClasses = ['Shirt', 'Ankle boot', '7']

/** What a tiny model is asked for by. */
export type TinyAsking = Conditioning['kind']

/** Saves an untrained pair, whose weights are a function of the seed, as a model's folder. */
export async function writeTinyGan(
  folder: string,
  kind: TinyAsking = 'none',
  { seed = 1, ...config }: Partial<GanConfig> & { readonly seed?: number } = {},
): Promise<GanConfig> {
  const vocabSize = kind === 'text' ? await writeTinyTokenizer(folder) : 0
  const conditioning: Readonly<Record<TinyAsking, Conditioning>> = {
    none: { kind: 'none' },
    class: { kind: 'class', nClasses: tinyClasses.length },
    text: { kind: 'text', vocabSize, maxTokens: 12 },
  }
  const whole = { ...tinyGan, ...config, conditioning: conditioning[kind] }
  const gan = ganNamed('r3gan').build(whole)
  const parameters = [...gan.generator.parameters.values(), ...gan.discriminator.parameters.values()]
  const weights = Object.fromEntries(parameters.map((parameter) => [parameter.name, weightOf(parameter, seed)]))
  const classes = kind === 'class' ? tinyClasses : []
  await saveGan(folder, { modelType: 'r3gan', config: whole, classes, weights, metadata: { dataDigest: 'tiny' } })
  return whole
}

async function writeTinyTokenizer(folder: string): Promise<number> {
  const words = 'a red apple, a green apple, un chat noir, a red cat, une pomme rouge'
  const tokenizer = trainBpe(countWords([words, words]), { vocabSize: 300 })
  await writeTokenizer(folder, tokenizer)
  return tokenizer.vocabSize
}

/** What begins at zero begins at random instead, so that every weight has a say. */
function weightOf(parameter: Parameter, seed: number): HostTensor {
  const { initializer } = parameter
  const silent = initializer.kind === 'zeros' || (initializer.kind === 'normal' && initializer.deviation === 0)
  const start = silent ? ({ kind: 'normal', deviation: 0.1 } as const) : initializer
  return initialize({ ...parameter, initializer: start }, Random.seed(seed))
}
