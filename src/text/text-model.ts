import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readTokenizer } from '../data/tokenizers/folder.ts'
import type { Tokenizer } from '../data/tokenizers/index.ts'
import { CheckpointError, ConfigError } from '../errors.ts'
import { portableModelFolder, resolveModelFolder } from '../files/gallery-folder.ts'
import { folderHolding, isAdapter } from '../models/adapter.ts'
import { familyOfFolder, loadAnyModel } from '../models/checkpoint.ts'
import { modelDigest } from '../models/model-digest.ts'
import { modelRemedy } from '../models/model-remedy.ts'
import { type Family, whatFamilyDoes } from '../models/registry.ts'
import type { Weights } from '../models/weights.ts'
import type { Engine, EngineName } from '../runtime/engine.ts'
import { createEngine } from '../runtime/index.ts'
import { type Completion, completionOf } from '../sample/complete.ts'
import type { Constraint } from '../sample/constraint.ts'
import { CopyGuard, guardFile } from '../sample/copy-guard.ts'
import type { GenerateOptions, GenerationEvent, Speculation } from '../sample/generation.ts'
import { asksForForm, type FormSettings, formOf } from '../sample/grammar/form.ts'
import { GrammarConstraint } from '../sample/grammar/grammar-constraint.ts'
import { vocabularyOfTokenizer } from '../sample/grammar/vocabulary.ts'
import type { LogitsProcessor } from '../sample/penalties.ts'
import { resolveSamplerSettings } from '../sample/resolve-settings.ts'
import type { LogitsHook } from '../sample/sampler.ts'
import type { SamplerSettings } from '../sample/settings.ts'
import { version } from '../version.ts'
import type { TextArtifact } from './artifact.ts'
import { Chat } from './chat/chat.ts'
import { canSpell } from './prompt.ts'
import { textDecoder } from './text-decoder.ts'
import { type LoadedAny, type LoadedOf, readModel, type Writer } from './writer.ts'

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
  /** Ends each text after so many tokens with the reason `aborted`, to make one again that a signal cut short. */
  readonly abortAfter?: number
  /** Faster where guesses are cheap and often right; what is written follows the same distribution. */
  readonly speculation?: TextSpeculation
  /** Takes each prompt as what a user says, written by the model's chat template, after what `system` says. */
  readonly chat?: ChatOptions
}

/** How a model is talked to. */
export interface ChatOptions {
  readonly system?: string | undefined
}

/** The folder of the gallery's model for text, which comes with the package. */
export const galleryFolder = fileURLToPath(new URL('../../gallery/en', import.meta.url))

/** A model that writes: a run, or any Hugging Face folder of a supported architecture, ready on an engine. */
export class TextModel {
  readonly folder: string
  readonly tokenizer: Tokenizer
  readonly family: Family
  /** What keeps it from copying, where its folder has such a file; a model that fills gaps heeds none. */
  readonly guard: CopyGuard | undefined
  readonly #loaded: LoadedAny
  readonly #engine: Engine
  readonly #writer: Writer
  #digest: Promise<string> | undefined
  #talk: Chat | undefined
  #copies: LogitsProcessor | undefined
  /** The last form that was asked for, and what it came to: its masks are worth keeping. */
  #form: { readonly key: string; readonly constraint: Constraint | undefined } = { key: '', constraint: undefined }

  private constructor(
    folder: string,
    tokenizer: Tokenizer,
    { family, loaded, writer }: { readonly family: Family; readonly loaded: LoadedAny; readonly writer: Writer },
    engine: Engine,
    guard: CopyGuard | undefined,
  ) {
    this.folder = folder
    this.tokenizer = tokenizer
    this.#loaded = loaded
    this.family = family
    this.#engine = engine
    this.#writer = writer
    this.guard = guard
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
    if (!existsSync(join(folder, 'config.json')) && !isAdapter(folder))
      throw new CheckpointError(`load: ${folder} holds no config.json; ${modelRemedy(folder)}`, { folder })
    const tokenizer = await readTokenizer(await folderHolding(folder, 'tokenizer.json'))
    const family = await familyOfFolder(folder)
    const guardPath = join(await folderHolding(folder, guardFile), guardFile)
    const guard = family !== 'masked' && existsSync(guardPath) ? await CopyGuard.read(guardPath) : undefined
    const engine = await createEngine(options.engine ?? 'cpu', options.threads ? { threads: options.threads } : {})
    try {
      const { loaded, open } = await readModel(family, folder, engine)
      const { vocabSize } = loaded.architecture.dimensions
      if (tokenizer.vocabSize > vocabSize)
        throw new CheckpointError(
          `load: the tokenizer of ${folder} has ${tokenizer.vocabSize} tokens, the model ${vocabSize}; do the files belong together?`,
        )
      const writer = await open(tokenizer)
      return new TextModel(folder, tokenizer, { family, loaded, writer }, engine, guard)
    } catch (error) {
      await engine.close()
      throw error
    }
  }

  /** The model, where it continues texts. Throws {@link CheckpointError} where it is of another family. */
  get loaded(): LoadedOf['causal'] {
    return this.loadedAs('causal')
  }

  /** The model as its files gave it, of a family. Throws {@link CheckpointError} where it is of another. */
  loadedAs<F extends Family>(family: F): LoadedOf[F] {
    if (this.family === family) return this.#loaded as LoadedOf[F]
    throw new CheckpointError(
      `${this.folder}: it is ${this.row.name}, wanted one of the models that ${whatFamilyDoes(family)}`,
      { family },
    )
  }

  /** Reads its weights again, as float32 but for those in few bits. Throws {@link CheckpointError} as loading does. */
  async weights(): Promise<Weights> {
    return (await loadAnyModel(this.family, this.folder)).weights
  }

  /** Of its architecture. */
  get row(): LoadedAny['row'] {
    return this.#loaded.row
  }

  /** What its weights say of themselves. */
  get metadata(): LoadedAny['metadata'] {
    return this.#loaded.metadata
  }

  /** Whether what it writes goes on from the prompt; else it stands by itself. */
  get continues(): boolean {
    return this.#writer.continues
  }

  /**
   * Continues each prompt `n` times, or answers it, or fills its gaps, giving text as it becomes certain, and returns the artifacts in
   * order of prompts: fewer than `n` where beams find fewer, for no more texts have the form that is asked for. Throws
   * ConfigError for settings, DataError for prompts.
   */
  async *generate(
    prompts: readonly string[],
    given: Partial<SamplerSettings> = {},
    options: WriteOptions = {},
  ): AsyncGenerator<TextPiece, TextArtifact[]> {
    const settings = resolveSamplerSettings({ ...this.#writer.usual(given), ...given })
    const encoded = prompts.map((prompt) => this.#encode(prompt, settings, options.chat))
    const rows = prompts.length * settings.n
    const events = Array.from({ length: rows }, (): GenerationEvent[] => [])
    for await (const event of this.#writer.write(encoded, settings, this.#options(settings, options))) {
      events[event.row]?.push(event)
      if (event.text) yield { row: event.row, text: event.text }
    }
    const digest = await this.digest()
    const guesser = options.speculation && (await recordOf(options.speculation))
    return events.flatMap((own, row) => {
      if (own.length === 0) return []
      const prompt = Math.floor(row / settings.n)
      const asked = { prompts, prompt, ids: encoded[prompt]!, ...(options.chat ? { chat: options.chat } : {}) }
      return [this.#artifact(completionOf(row, own), asked, settings, digest, guesser)]
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
   * ids that it cannot take, outside its vocabulary or beyond its context, and for models that fill gaps.
   */
  logProbability(prompt: readonly number[], ids: readonly number[], ends: boolean): Promise<number | undefined> {
    return this.#writer.logProbability(prompt, ids, ends ? this.#endOfText() : [])
  }

  /** Whether what is written by these settings is kept from copies: a form may leave nothing else than a copy. */
  isGuarded(settings: SamplerSettings): boolean {
    return this.guard !== undefined && !settings.allowCopies && !asksForForm(settings)
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
    await this.#writer.release()
    await this.#engine.close()
  }

  #encode(prompt: string, settings: SamplerSettings, chat: ChatOptions | undefined): number[] {
    if (!chat) return this.#writer.encode(prompt, settings)
    if (!this.continues) throw new ConfigError(`chat: ${this.folder} does not continue texts; leave --chat out`)
    const asked = { role: 'user', content: prompt.normalize('NFC') } as const
    const { system } = chat
    const first = system === undefined ? [] : [{ role: 'system', content: system.normalize('NFC') } as const]
    return this.#chat().prompt([...first, asked])
  }

  #chat(): Chat {
    this.#talk ??= new Chat(this.tokenizer)
    return this.#talk
  }

  #options(settings: SamplerSettings, { signal, abortAfter, speculation, chat }: WriteOptions): GenerateOptions {
    const { tokenizer } = this
    const constraint = this.#constraint(settings)
    return {
      endOfText: [...new Set([...this.#endOfText(), ...(chat ? this.#chat().ends() : [])])],
      decoder: () => textDecoder(tokenizer, true),
      breakerId: (text) => (canSpell(tokenizer, text) ? tokenizer.encode(text).at(-1) : undefined),
      ...(constraint ? { constraint } : {}),
      ...(this.isGuarded(settings) ? { hooks: { beforeWarpers: this.#forbidCopies() } } : {}),
      ...(signal ? { signal } : {}),
      ...(abortAfter === undefined ? {} : { abortAfter }),
      ...(speculation ? { speculation: this.#guesser(speculation) } : {}),
    }
  }

  #forbidCopies(): LogitsHook {
    this.#copies ??= this.guard!.processor(vocabularyOfTokenizer(this.tokenizer))
    const forbid = this.#copies
    return (logits, { history }) => forbid(logits, history)
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
    const { model } = speculation.draft.#writer
    if (model) return { draft: model }
    throw new ConfigError(`generate: the draft ${folder} does not continue texts; draft with a smaller decoder`)
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
    const ends = [this.tokenizer.eos, this.#loaded.architecture.config.eos_token_id].flat()
    return [...new Set(ends.filter((id): id is number => typeof id === 'number'))]
  }

  #artifact(
    made: Completion,
    { prompts, prompt, ids, chat }: Asked,
    settings: SamplerSettings,
    digest: string,
    guesser: Guesser | undefined,
  ): TextArtifact {
    const { folder, tokenizer } = this
    const loaded = this.#loaded
    const { dataDigest } = loaded.metadata
    const named = (id: number) => ({ token: tokenizer.tokenOf(id) ?? '' })
    return {
      format: 'atelier-artifact-1',
      kind: 'text',
      text: made.text ?? '',
      prompt: prompts[prompt]!,
      ...(prompts.length > 1 ? { prompts: [...prompts] } : {}),
      tokens: made.ids.length,
      ids: [...made.ids],
      promptIds: [...ids],
      ...(chat ? { chat } : {}),
      seed: settings.seed,
      row: made.row,
      finishReason: made.finishReason,
      logProbability: made.logProbability,
      ...(settings.logProbabilities ? { logProbabilities: [...made.logProbabilities] } : {}),
      ...(guesser && made.guesses ? { speculation: { ...guesser, ...made.guesses } } : {}),
      ...(made.top ? { top: made.top.map((likeliest) => likeliest.map((one) => ({ ...one, ...named(one.id) }))) } : {}),
      settings,
      model: {
        path: portableModelFolder(folder),
        digest,
        architecture: loaded.row.name,
        ...(dataDigest === undefined ? {} : { dataDigest }),
        ...(this.isGuarded(settings) ? { guard: this.guard!.digest } : {}),
      },
      engine: this.describeEngine(),
      atelier: version,
      marks: [],
    }
  }
}

/** A prompt of a call, with its ids. */
interface Asked {
  readonly prompts: readonly string[]
  readonly prompt: number
  readonly ids: readonly number[]
  readonly chat?: ChatOptions
}

type Guesser = Omit<NonNullable<TextArtifact['speculation']>, 'guessed' | 'accepted'>

/** Who guessed, as a record has it. */
async function recordOf(speculation: TextSpeculation): Promise<Guesser> {
  if ('lookup' in speculation) return speculation
  const { draft } = speculation
  return { draft: { path: portableModelFolder(draft.folder), digest: await draft.digest() } }
}
