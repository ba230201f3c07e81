import { CorpusIndex } from '../evaluate/corpus-index.ts'
import { evaluateSamples, type SampleMetrics } from '../evaluate/evaluate-samples.ts'
import { Random } from '../random/random.ts'
import { guardedBytes } from '../sample/copy-guard.ts'
import { resolveSamplerSettings } from '../sample/resolve-settings.ts'
import type { SamplerSettings } from '../sample/settings.ts'
import type { TextArtifact } from './artifact.ts'
import type { Corpus } from './data/open-corpus.ts'
import type { EvaluateTextOptions } from './evaluate-text.ts'
import { documentsOf } from './measured-text.ts'
import type { Writing } from './measures/measure.ts'
import type { TextModel } from './text-model.ts'

/** Diversity and copying of texts that the model wrote. */
export interface WrittenTexts extends SampleMetrics {
  /** Where all were given the same; else each was given a text of its own, the first half of a pair. */
  readonly prompt?: string
  readonly tokens: number
  readonly settings: SamplerSettings
  /** Bytes after which the model's copy guard broke a copy off, where it has one. */
  readonly guardedBytes?: number
  /** Each made as many texts together as `settings.n` says, the last perhaps fewer. */
  readonly seeds: readonly number[]
}

/** What is found of a model's texts, and of people's beside them. */
export interface WritingFigures {
  /** Of the model's own texts; copying from the training part of the run's corpus, where there is one. */
  readonly samples?: WrittenTexts
  /** The same of what people wrote: stretches of the measured text, as long, or the pairs' own second texts. */
  readonly baseline?: SampleMetrics
  /** Characters of the corpus that copying was looked for in. */
  readonly indexedCharacters?: number
  /** There where the corpus is longer: those are its first ones. */
  readonly isIndexPartial?: true
}

/** Texts made at once: enough to be fast, few enough for the memory of their caches. */
const textsAtOnce = 16

/** Lets the model write `count` texts and measures them. */
export async function measureSamples(
  model: TextModel,
  writing: Writing,
  corpus: Corpus | undefined,
  count: number,
  options: EvaluateTextOptions,
): Promise<WritingFigures> {
  const prompts = writing.prompts(count)
  const isOne = new Set(prompts).size === 1
  const n = isOne ? Math.min(prompts.length, textsAtOnce) : 1
  const settings = resolveSamplerSettings({ ...options.settings, n, seed: 0 })
  const made = await writeTexts(model, prompts, isOne, settings, options)
  const { index, ...indexed } = corpus ? await indexOf(corpus, options) : {}
  options.signal?.throwIfAborted()
  const given = { random: Random.seed(0).split('evaluation'), ...(index ? { index } : {}) }
  const own = evaluateSamples(
    made.map((artifact) => artifact.text),
    given,
  )
  options.onProgress?.({ stage: 'measures', done: 1, total: 2 })
  const lengths = made.map(({ tokens }) => Math.max(1, tokens))
  const baseline = evaluateSamples(writing.baseline(prompts, lengths), given)
  options.onProgress?.({ stage: 'measures', done: 2, total: 2 })
  const tokens = made.reduce((sum, artifact) => sum + artifact.tokens, 0)
  const seeds = [...new Set(made.map(({ seed }) => seed))]
  return {
    samples: {
      ...(isOne ? { prompt: prompts[0]! } : {}),
      ...{ tokens, settings, seeds },
      ...(model.isGuarded(settings) ? { guardedBytes } : {}),
      ...own,
    },
    baseline,
    ...indexed,
  }
}

/** One text of each prompt, so many together. */
async function writeTexts(
  model: TextModel,
  prompts: readonly string[],
  isOne: boolean,
  settings: SamplerSettings,
  { signal, onProgress }: EvaluateTextOptions,
): Promise<TextArtifact[]> {
  const made: TextArtifact[] = []
  for (let seed = 0; made.length < prompts.length; seed++) {
    const together = prompts.slice(made.length, made.length + textsAtOnce)
    const n = isOne ? together.length : 1
    const asked = isOne ? together.slice(0, 1) : together
    made.push(...(await model.complete(asked, { ...settings, n, seed }, signal ? { signal } : {})))
    signal?.throwIfAborted()
    onProgress?.({ stage: 'samples', done: made.length, total: prompts.length })
  }
  return made
}

/** Most characters that are indexed: an index takes some ten bytes for each while it is built. */
const mostCharacters = 1 << 27

async function indexOf({ train, tokenizer }: Corpus, { onProgress, signal }: EvaluateTextOptions) {
  let read = 0
  const onRead = (done: number) => {
    signal?.throwIfAborted()
    onProgress?.({ stage: 'index', done, total: train.tokens })
    read = done
  }
  const index = await CorpusIndex.build(documentsOf(train, tokenizer, onRead, mostCharacters))
  const isPartial = read < train.tokens
  return { index, indexedCharacters: index.characters, ...(isPartial ? { isIndexPartial: true as const } : {}) }
}
