import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readTokenizer } from '../data/tokenizers/folder.ts'
import type { Tokenizer } from '../data/tokenizers/index.ts'
import { CheckpointError, ConfigError } from '../errors.ts'
import { resolveModelFolder } from '../files/gallery-folder.ts'
import { type LoadedModel, loadModel } from '../models/checkpoint.ts'
import { modelDigest } from '../models/model-digest.ts'
import type { Engine, EngineName } from '../runtime/engine.ts'
import { createEngine } from '../runtime/index.ts'
import { CachedModel } from '../sample/cached-model.ts'
import { type Completion, completionOf } from '../sample/complete.ts'
import type { Constraint } from '../sample/constraint.ts'
import { generate } from '../sample/generate.ts'
import type { GenerateOptions, GenerationEvent, Speculation } from '../sample/generation.ts'
import { type FormSettings, formOf } from '../sample/grammar/form.ts'
import { GrammarConstraint } from '../sample/grammar/grammar-constraint.ts'
import { vocabularyOfTokenizer } from '../sample/grammar/vocabulary.ts'
import { logNormalizer } from '../sample/log-probabilities.ts'
import { resolveSamplerSettings } from '../sample/resolve-settings.ts'
import type { SamplerSettings } from '../sample/settings.ts'
import { version } from '../version.ts'
import type { TextArtifact } from './artifact.ts'
import { promptIds } from './prompt.ts'

/** A piece of text as it comes, of the row-th of the texts made together. */
export interface TextPiece {
  readonly row: number
  readonly text: string
}

/** Who guesses ids ahead: a smaller model with the same tokenizer, or the text before, up to `lookup` ids at a time. */
export type TextSpeculation = { readonly draft: TextModel } | { readonly lookup: number }

/** What writing takes beside the settings. */
export interface WriteOptions {
  readonly signal?: AbortSignal
  /** Faster where guesses are cheap and often right; what is written follows the same distribution. */
  readonly speculation?: TextSpeculation
}

/** The folder of the gallery's model for text, which comes with the package. */
export const galleryFolder = fileURLToPath(new URL('../../gallery/en', import.meta.url))

/** A model that writes: a run, or any Hugging Face folder of a supported architecture, ready on an engine. */
export class TextModel {
  readonly folder: string
  readonly tokenizer: Tokenizer
  readonly loaded: LoadedModel
  readonly #engine: Engine
  readonly #model: CachedModel
  #digest: Promise<string> | undefined
  /** The last form that was asked for, and what it came to: its masks are worth keeping. */
  #form: { readonly key: string; readonly constraint: Constraint | undefined } = { key: '', constraint: undefined }

  private constructor(folder: string, tokenizer: Tokenizer, loaded: LoadedModel, engine: Engine, model: CachedModel) {
    this.folder = folder
    this.tokenizer = tokenizer
    this.loaded = loaded
    this.#engine = engine
    this.#model = model
  }

  /**
   * Loads a folder, or `gallery/NAME` of the package; the gallery's model where none is named. Throws CheckpointError for files that are
   * missing, corrupt, or do not belong together, EngineError where the engine cannot run.
   */
  static async load(
    named: string = galleryFolder,
    options: { readonly engine?: EngineName; readonly threads?: number } = {},
  ): Promise<TextModel> {
    const folder = resolveModelFolder(named)
    if (!existsSync(join(folder, 'config.json')))
      throw new CheckpointError(`load: ${folder} holds no config.json; name a run or a model's folder by --model`, {
        folder,
      })
    const tokenizer = await readTokenizer(folder)
    const loaded = await loadModel(folder)
    const { vocabSize } = loaded.architecture.dimensions
    if (tokenizer.vocabSize > vocabSize)
      throw new CheckpointError(
        `load: the tokenizer of ${folder} has ${tokenizer.vocabSize} tokens, the model ${vocabSize}; do the files belong together?`,
      )
    const engine = await createEngine(options.engine ?? 'cpu', options.threads ? { threads: options.threads } : {})
    try {
      const model = await CachedModel.create(engine, loaded.architecture, {
        tensors: loaded.weights,
        quantized: loaded.quantized,
      })
      return new TextModel(folder, tokenizer, loaded, engine, model)
    } catch (error) {
      await engine.close()
      throw error
    }
  }

  /**
   * Continues each prompt `n` times, giving text as it becomes certain, and returns the artifacts in
   * order of prompts. Throws ConfigError for settings, DataError for prompts.
   */
  async *generate(
    prompts: readonly string[],
    given: Partial<SamplerSettings> = {},
    options: WriteOptions = {},
  ): AsyncGenerator<TextPiece, TextArtifact[]> {
    const settings = resolveSamplerSettings(given)
    const encoded = prompts.map((prompt) => promptIds(this.tokenizer, prompt))
    const rows = prompts.length * settings.n
    const events = Array.from({ length: rows }, (): GenerationEvent[] => [])
    for await (const event of generate(this.#model, encoded, settings, this.#options(settings, options))) {
      events[event.row]?.push(event)
      if (event.text) yield { row: event.row, text: event.text }
    }
    const digest = await this.digest()
    const guesser = options.speculation && (await recordOf(options.speculation))
    return events.map((own, row) => {
      const prompt = Math.floor(row / settings.n)
      return this.#artifact(
        completionOf(row, own),
        { prompts, prompt, ids: encoded[prompt]! },
        settings,
        digest,
        guesser,
      )
    })
  }

  /** {@link TextModel.generate}, to its end. */
  async complete(
    prompts: readonly string[],
    settings: Partial<SamplerSettings> = {},
    options: WriteOptions = {},
  ): Promise<TextArtifact[]> {
    const pieces = this.generate(prompts, settings, options)
    for (;;) {
      const { done, value } = await pieces.next()
      if (done) return value
    }
  }

  /**
   * ln P(ids | prompt) by the model itself, with that of ending there where `ends` says so; undefined for
   * ids that it cannot take: outside its vocabulary, or beyond its context.
   */
  async logProbability(prompt: readonly number[], ids: readonly number[], ends: boolean): Promise<number | undefined> {
    const { vocabSize, contextLength } = this.#model
    const all = [...prompt, ...ids]
    const length = all.length
    if (prompt.length === 0 || length > contextLength || all.some((id) => id >= vocabSize)) return undefined
    const state = await this.#model.open({ batch: 1, capacity: length })
    try {
      let logits = await state.append([prompt])
      let sum = 0
      for (const id of ids) {
        sum += logits[id]! - logNormalizer(logits, { row: 0, step: 0 })
        logits = await state.append([[id]])
      }
      if (!ends) return sum
      return sum + Math.max(...this.#endOfText().map((id) => logits[id]!)) - logNormalizer(logits, { row: 0, step: 0 })
    } finally {
      state.release()
    }
  }

  /** SHA-256 of the model's files. */
  digest(): Promise<string> {
    this.#digest ??= modelDigest(this.folder)
    return this.#digest
  }

  /** What computes, exactly. */
  describeEngine(): TextArtifact['engine'] {
    return this.#engine.describe()
  }

  /** Frees the model and its engine. */
  async release(): Promise<void> {
    await this.#model.release()
    await this.#engine.close()
  }

  #options(settings: SamplerSettings, { signal, speculation }: WriteOptions): GenerateOptions {
    const { tokenizer } = this
    const constraint = this.#constraint(settings)
    return {
      endOfText: this.#endOfText(),
      decoder: () => {
        const stream = tokenizer.streamDecoder({ skipSpecial: true })
        return { push: (id) => stream.push(id), end: () => stream.flush() }
      },
      breakerId: (text) => tokenizer.encode(text).at(-1),
      ...(constraint ? { constraint } : {}),
      ...(signal ? { signal } : {}),
      ...(speculation ? { speculation: this.#guesser(speculation) } : {}),
    }
  }

  #guesser(speculation: TextSpeculation): Speculation {
    if ('lookup' in speculation) return speculation
    const { folder, tokenizer } = speculation.draft
    const { vocabSize } = this.tokenizer
    const isSame = (_: unknown, id: number) => tokenizer.tokenOf(id) === this.tokenizer.tokenOf(id)
    if (tokenizer.vocabSize !== vocabSize || !Array.from({ length: vocabSize }).every(isSame))
      throw new ConfigError(
        `generate: the draft ${folder} has another tokenizer than ${this.folder}; draft with a model of the same tokenizer`,
      )
    return { draft: speculation.draft.#model }
  }

  #constraint({ regex, jsonSchema, grammar }: FormSettings): Constraint | undefined {
    const key = JSON.stringify([regex, jsonSchema, grammar])
    if (this.#form.key === key) return this.#form.constraint
    const form = formOf({ regex, jsonSchema, grammar })
    const vocabulary = form && vocabularyOfTokenizer(this.tokenizer)
    const constraint = vocabulary && new GrammarConstraint(form, vocabulary, this.#endOfText())
    this.#form = { key, constraint }
    return constraint
  }

  /** Ids that end a text. */
  #endOfText(): number[] {
    const ends = [this.tokenizer.eos, this.loaded.architecture.config.eos_token_id].flat()
    return [...new Set(ends.filter((id): id is number => typeof id === 'number'))]
  }

  #artifact(
    made: Completion,
    { prompts, prompt, ids }: { prompts: readonly string[]; prompt: number; ids: readonly number[] },
    settings: SamplerSettings,
    digest: string,
    guesser: Guesser | undefined,
  ): TextArtifact {
    const { loaded, folder } = this
    const { dataDigest } = loaded.metadata
    return {
      format: 'atelier-artifact-1',
      kind: 'text',
      text: made.text ?? '',
      prompt: prompts[prompt]!,
      ...(prompts.length > 1 ? { prompts: [...prompts] } : {}),
      tokens: made.ids.length,
      ids: [...made.ids],
      promptIds: [...ids],
      seed: settings.seed,
      row: made.row,
      finishReason: made.finishReason,
      logProbability: made.logProbability,
      ...(settings.logProbabilities ? { logProbabilities: [...made.logProbabilities] } : {}),
      ...(guesser && made.guesses ? { speculation: { ...guesser, ...made.guesses } } : {}),
      ...(made.top ? { top: made.top.map((likeliest) => likeliest.map((one) => ({ ...one }))) } : {}),
      settings,
      model: {
        path: folder,
        digest,
        architecture: loaded.row.name,
        ...(dataDigest === undefined ? {} : { dataDigest }),
      },
      engine: this.describeEngine(),
      atelier: version,
      marks: [],
    }
  }
}

type Guesser = Omit<NonNullable<TextArtifact['speculation']>, 'guessed' | 'accepted'>

/** Who guessed, as a record has it. */
async function recordOf(speculation: TextSpeculation): Promise<Guesser> {
  if ('lookup' in speculation) return speculation
  const { draft } = speculation
  return { draft: { path: draft.folder, digest: await draft.digest() } }
}
