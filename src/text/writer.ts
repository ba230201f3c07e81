import type { Tokenizer } from '../data/tokenizers/index.ts'
import { CheckpointError, ConfigError } from '../errors.ts'
import {
  type LoadedMaskedModel,
  type LoadedModel,
  type LoadedSequenceModel,
  type LoadOptions,
  loadMaskedModel,
  loadModel,
  loadSequenceModel,
} from '../models/checkpoint.ts'
import type { Family } from '../models/registry.ts'
import { checkUnchanged } from '../models/stored-weights.ts'
import type { Engine } from '../runtime/engine.ts'
import { CachedModel } from '../sample/cached-model.ts'
import type { CausalModel } from '../sample/causal-model.ts'
import { fillGaps, refuseUnusable } from '../sample/fill-gaps.ts'
import { generate } from '../sample/generate.ts'
import type { GenerateOptions, GenerationEvent } from '../sample/generation.ts'
import { logNormalizer } from '../sample/log-probabilities.ts'
import { MaskedModel } from '../sample/masked-model.ts'
import { SequenceModel } from '../sample/sequence-model.ts'
import type { SamplerSettings } from '../sample/settings.ts'
import { gapIds, promptIds } from './prompt.ts'
import { encodeSource } from './tasks/sequence.ts'
import { idsWithoutToken, textDecoder } from './text-decoder.ts'

/** What is known of a loaded model whatever its family. */
export type LoadedAny = Pick<LoadedModel, 'metadata'> & {
  readonly row: { readonly name: string }
  readonly architecture: {
    readonly config: Readonly<Record<string, unknown>>
    readonly dimensions: { readonly vocabSize: number }
  }
}

type WithoutWeights<Loaded> = Omit<Loaded, 'weights' | 'stored'>

/** Loaded models by family; their weights are on the engine. */
export interface LoadedOf {
  readonly causal: WithoutWeights<LoadedModel>
  readonly masked: WithoutWeights<LoadedMaskedModel>
  readonly sequenceToSequence: WithoutWeights<LoadedSequenceModel>
}

/** What a family's models make of prompts, on an engine. */
export interface Writer {
  /** Whether what it writes goes on from the prompt; else it stands by itself. */
  readonly continues: boolean
  /** The model itself, where it continues texts. */
  readonly model?: CausalModel
  /** Settings that suit it where the caller gives none, for what is asked for. */
  usual(given: Partial<SamplerSettings>): Partial<SamplerSettings>
  /** Ids of a prompt. Throws DataError for one that it can't take. */
  encode(prompt: string, settings: SamplerSettings): number[]
  /** As {@link generate}. */
  write(
    prompts: readonly (readonly number[])[],
    settings: SamplerSettings,
    options: GenerateOptions,
  ): AsyncIterable<GenerationEvent>
  /** ln P(ids | prompt), with that of an id of `ends` where there are some; undefined where it has none. */
  logProbability(
    prompt: readonly number[],
    ids: readonly number[],
    ends: readonly number[],
  ): Promise<number | undefined>
  release(): Promise<void>
}

/** A model read from a folder, to be opened on the engine that it was read for. */
interface Read {
  readonly loaded: LoadedAny
  open(tokenizer: Tokenizer): Promise<Writer>
}

/** How a family's folders are read, and how what they hold is opened. */
interface Loader<Loaded> {
  load(folder: string, options: LoadOptions): Promise<Loaded>
  open(engine: Engine, loaded: Loaded, tokenizer: Tokenizer, folder: string): Promise<Writer>
}

function reader<Loaded extends LoadedModel | LoadedMaskedModel | LoadedSequenceModel>({
  load,
  open,
}: Loader<Loaded>): (folder: string, engine: Engine) => Promise<Read> {
  return async (folder, engine) => {
    const loaded = await load(folder, { leave: engine.mapsFiles })
    const { weights, stored, ...known } = loaded
    return {
      loaded: known,
      async open(tokenizer) {
        const opening = open(engine, loaded, tokenizer, folder)
        try {
          // A file that was replaced explains what an engine says of it, too.
          return await opening.finally(() => stored && checkUnchanged(stored))
        } catch (error) {
          await opening.then(
            (writer) => writer.release(),
            () => undefined,
          )
          throw error
        }
      },
    }
  }
}

const causal = reader({
  load: loadModel,
  async open(engine, { architecture, weights, stored, quantized }, tokenizer) {
    const source = { tensors: weights, quantized, ...(stored ? { stored } : {}) }
    const model = await CachedModel.create(engine, architecture, source)
    return {
      continues: true,
      model,
      usual: () => ({}),
      encode: (prompt) => promptIds(tokenizer, prompt),
      write: (prompts, settings, options) => {
        refuseUnusable('continue texts', settings, ['fillRounds', 'gibbsSweeps'])
        return generate(model, prompts, settings, options)
      },
      logProbability: (prompt, ids, ends) => logProbabilityOf(model, prompt, ids, ends),
      release: () => model.release(),
    }
  },
})

/** T5's sentinels, which stand for what was taken out. */
const sentinel = /^<extra_id_\d+>$/

const sequenceToSequence = reader({
  load: loadSequenceModel,
  async open(engine, { architecture, weights, stored }, tokenizer) {
    const source = { tensors: weights, ...(stored ? { stored } : {}) }
    const model = await SequenceModel.create(engine, architecture, source)
    const start = [Number(architecture.config.decoder_start_token_id ?? 0)]
    const asksForSpans = (prompt: readonly number[]) => prompt.some((id) => sentinel.test(tokenizer.tokenOf(id) ?? ''))
    async function* write(
      prompts: readonly (readonly number[])[],
      settings: SamplerSettings,
      options: GenerateOptions,
    ): AsyncGenerator<GenerationEvent> {
      refuseUnusable('read one text and write another', settings, ['fillRounds', 'gibbsSweeps'])
      for (const [index, prompt] of prompts.entries()) {
        const read = await model.read(prompt)
        try {
          const decoder = () => textDecoder(tokenizer, !asksForSpans(prompt))
          yield* generate(read.model, [start], settings, { ...options, decoder, firstRow: index * settings.n })
        } finally {
          read.release()
        }
      }
    }
    return {
      continues: false,
      usual: () => ({}),
      encode: (prompt) => encodeSource(tokenizer, prompt),
      write,
      logProbability: async (prompt, ids, ends) => {
        const read = await model.read(prompt)
        try {
          return await logProbabilityOf(read.model, start, ids, ends)
        } finally {
          read.release()
        }
      },
      release: () => model.release(),
    }
  },
})

/** Candidates that are reported for each gap. */
const usualCandidates = 5

const masked = reader({
  load: (folder) => loadMaskedModel(folder), // its graphs, one a length, share buffers
  async open(engine, { architecture, weights }, tokenizer, folder) {
    const { mask } = tokenizer
    if (mask === undefined)
      throw new CheckpointError(
        `load: the tokenizer of ${folder} has no token that stands for a gap; is it the model's?`,
      )
    const model = new MaskedModel(engine, architecture, { tensors: weights })
    const special = [...tokenizer.specialIds, ...idsWithoutToken(tokenizer, model.vocabSize)]
    const spell = (ids: Int32Array) => tokenizer.decode(ids, { skipSpecial: true })
    return {
      continues: false,
      usual: ({ n = 1, gibbsSweeps = 0 }) => {
        const draws = n > 1 || gibbsSweeps > 0
        return { topLogProbabilities: usualCandidates, ...(draws ? {} : { temperature: 0 }) }
      },
      encode: (prompt, { maxTokens }) => gapIds(tokenizer, prompt, { maxTokens, contextLength: model.contextLength }),
      write(prompts, settings, options) {
        if (options.speculation)
          throw new ConfigError('generate: a model that fills gaps goes without guesses; leave draft and lookup out')
        return fillGaps(model, prompts, settings, { ...options, mask, special, spell })
      },
      logProbability: async () => undefined,
      release: () => model.release(),
    }
  },
})

const readers: { readonly [F in Family]: (folder: string, engine: Engine) => Promise<Read> } = {
  causal,
  masked,
  sequenceToSequence,
}

/**
 * Reads the model of a folder, whatever its family, to open it afterwards on an engine. Both throw CheckpointError,
 * opening too where the folder's weights were replaced meanwhile; then nothing of it is left on the engine.
 */
export function readModel(family: Family, folder: string, engine: Engine): Promise<Read> {
  return readers[family](folder, engine)
}

/** ln P(ids | prompt) by a model that continues texts; undefined for ids outside its vocabulary or beyond its context. */
async function logProbabilityOf(
  model: CausalModel,
  prompt: readonly number[],
  ids: readonly number[],
  ends: readonly number[],
): Promise<number | undefined> {
  const { vocabSize, contextLength } = model
  const all = [...prompt, ...ids]
  const length = all.length
  if (prompt.length === 0 || length > contextLength || all.some((id) => id >= vocabSize)) return undefined
  const state = await model.open({ batch: 1, capacity: length })
  try {
    let logits = await state.append([prompt])
    let sum = 0
    for (const id of ids) {
      sum += logits[id]! - logNormalizer(logits, { row: 0, step: 0 })
      logits = await state.append([[id]])
    }
    if (ends.length === 0) return sum
    return sum + Math.max(...ends.map((id) => logits[id]!)) - logNormalizer(logits, { row: 0, step: 0 })
  } finally {
    state.release()
  }
}
