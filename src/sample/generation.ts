import { ConfigError, DataError } from '../errors.ts'
import type { CausalModel } from './causal-model.ts'
import type { Constraint } from './constraint.ts'
import { asksForForm } from './grammar/form.ts'
import type { IdLogProbability } from './log-probabilities.ts'
import type { SamplerHooks } from './sampler.ts'
import type { SamplerSettings } from './settings.ts'

/**
 * Why a continuation ended: a stop string, `maxTokens` or the context's end, an end-of-text id, the caller's signal, or
 * a grammar that allows nothing more, where there is no end-of-text id.
 */
export type FinishReason = 'stop' | 'length' | 'endOfText' | 'aborted' | 'complete'

/** One more id of continuation `row`. */
export interface TokenEvent {
  readonly type: 'token'
  /** `firstRow` + prompt × n + continuation of that prompt. */
  readonly row: number
  readonly id: number
  /** Natural logarithm of the probability by the model itself, before bias, penalties, temperature and warpers. */
  readonly logProbability: number
  /** The likeliest ids by the same measure, where `topLogProbabilities` asks for them. */
  readonly top?: readonly IdLogProbability[]
  /** Text that is now certain, where there is a decoder: it may lag behind the ids. */
  readonly text?: string
}

/** Continuation `row` is complete. */
export interface FinishEvent {
  readonly type: 'finish'
  readonly row: number
  readonly reason: FinishReason
  /** The end-of-text id that ended it, which has no token event, and its log-probability. */
  readonly end?: IdLogProbability
  /** The stop string that ended it; neither it nor what follows is in the text. */
  readonly stop?: string
  /** The rest of the text, where there is a decoder. */
  readonly text?: string
  /** What beam search ranked it by. */
  readonly score?: number
  /** What speculation came to, where it was asked for. */
  readonly guesses?: GuessCounts
}

/** What {@link generate} reports as it goes. */
export type GenerationEvent = TokenEvent | FinishEvent

/** Turns one sequence's ids into text as they come; a character may wait for the id that completes it. */
export interface PieceDecoder {
  push(id: number): string
  /** What is left of an incomplete character. */
  end(): string
}

/**
 * How ids are guessed ahead, for the model to check several of them in one run: by a smaller model of the same
 * vocabulary, `length` at a time (4 by default), or without one: what followed the last ids where they stood before, up
 * to `lookup` at a time.
 */
export type Speculation = { readonly draft: CausalModel; readonly length?: number } | { readonly lookup: number }

/** How many ids were guessed and checked, and how many of them were right. */
export interface GuessCounts {
  readonly guessed: number
  readonly accepted: number
}

/** What {@link generate} needs beside the settings. */
export interface GenerateOptions {
  /** Ends all continuations with the reason `aborted`, at the latest after the step in flight. */
  readonly signal?: AbortSignal
  /** Ends continuations of so many ids with the reason `aborted`: one that a signal cut short can be made again by it. */
  readonly abortAfter?: number
  /** Ids that end a continuation. */
  readonly endOfText?: readonly number[]
  /** Makes a decoder for one continuation; events then carry text. `stop` needs it. */
  readonly decoder?: () => PieceDecoder
  /** The id that ends a text's encoding, for `drySequenceBreakers` given as texts; `undefined` where there is none. */
  readonly breakerId?: (text: string) => number | undefined
  readonly hooks?: SamplerHooks
  /** What `regex`, `jsonSchema` or `grammar` come to with the tokenizer's vocabulary; all continuations keep to it. */
  readonly constraint?: Constraint
  /** Faster where guesses are cheap and often right; what is written follows the same distribution. */
  readonly speculation?: Speculation
  /** Number of the first continuation, 0 by default: a continuation draws the same numbers in any batch. */
  readonly firstRow?: number
}

/** Whether a continuation of so many ids goes no further, though it has not come to its end. */
export function isCutShort({ signal, abortAfter }: GenerateOptions, ids: number): boolean {
  return signal?.aborted === true || (abortAfter !== undefined && ids >= abortAfter)
}

/** Throws {@link ConfigError} or {@link DataError} for prompts and options that the model can't take. */
export function checkRequest(
  model: CausalModel,
  prompts: readonly (readonly number[])[],
  settings: SamplerSettings,
  options: GenerateOptions,
): void {
  for (const [index, prompt] of prompts.entries()) {
    checkPrompt(model, prompt, index)
    const room = limitFor(model, prompt, settings) - prompt.length
    if (settings.minTokens > room)
      throw new ConfigError(
        `generate: minTokens is ${settings.minTokens}, but the model's context of ${model.contextLength} leaves room for ${room}; lower it`,
        { index, room },
      )
  }
  for (const id of options.endOfText ?? []) checkId(model, id, 'endOfText')
  if (settings.stop.length > 0 && options.decoder === undefined) {
    throw new ConfigError('generate: stop strings need a decoder from ids to text; pass decoder, or remove stop')
  }
  checkConstraint(model, prompts, settings, options)
  if (options.speculation !== undefined) checkSpeculation(model, settings, options, options.speculation)
  if (settings.beams > 1 && options.hooks?.afterWarpers !== undefined) {
    throw new ConfigError('generate: beam search has no warpers for a hook to follow; set beams to 1 for marks')
  }
}

/** Throws where a form is asked for and there is no constraint, or where a prompt leaves it too little room. */
function checkConstraint(
  model: CausalModel,
  prompts: readonly (readonly number[])[],
  settings: SamplerSettings,
  { constraint }: GenerateOptions,
): void {
  if (constraint === undefined && asksForForm(settings)) {
    throw new ConfigError(
      'generate: regex, jsonSchema and grammar need the bytes of the vocabulary; pass constraint, a GrammarConstraint',
    )
  }
  if (constraint !== undefined && settings.stop.length > 0) {
    throw new ConfigError('generate: stop could end what the constraint asks for in the middle; remove stop')
  }
  for (const prompt of prompts) constraint?.check(limitFor(model, prompt, settings) - prompt.length)
}

/** The most ids that may be guessed at a time. */
const longestGuess = 64

function checkSpeculation(
  model: CausalModel,
  { beams }: SamplerSettings,
  { constraint }: GenerateOptions,
  speculation: Speculation,
): void {
  const [name, length] = 'draft' in speculation ? ['length', speculation.length ?? 1] : ['lookup', speculation.lookup]
  if (!Number.isInteger(length) || length < 1 || length > longestGuess)
    throw new ConfigError(`generate: ${name} is ${length}, wanted 1 to ${longestGuess} ids to guess at a time`)
  const other =
    beams > 1 ? 'beam search' : constraint === undefined ? undefined : 'a form (regex, JSON schema, grammar)'
  if (other !== undefined)
    throw new ConfigError(`generate: ${other} goes without guesses ahead; leave draft and lookup out`)
  if ('draft' in speculation && speculation.draft.vocabSize !== model.vocabSize)
    throw new ConfigError(
      `generate: the draft's vocabulary has ${speculation.draft.vocabSize} ids, the model's ${model.vocabSize}; ` +
        'draft with a model of the same tokenizer',
    )
}

function checkPrompt(model: CausalModel, prompt: readonly number[], index: number): void {
  if (prompt.length === 0) {
    throw new DataError(`generate: prompt ${index} is empty, wanted an id at least; begin with the end-of-text id`, {
      index,
    })
  }
  if (prompt.length > model.contextLength) {
    throw new DataError(
      `generate: prompt ${index} has ${prompt.length} ids, wanted at most the context's ${model.contextLength}; shorten it`,
      { index, length: prompt.length, contextLength: model.contextLength },
    )
  }
  for (const id of prompt) checkId(model, id, `prompt ${index}`)
}

function checkId({ vocabSize }: CausalModel, id: number, where: string): void {
  if (Number.isInteger(id) && id >= 0 && id < vocabSize) return
  throw new DataError(
    `generate: got id ${id} in ${where}, wanted 0 to ${vocabSize - 1}; encode with the model's own tokenizer`,
    { id, vocabSize },
  )
}

/** The most ids that a prompt and its continuation may have together. */
export function limitFor(model: CausalModel, prompt: readonly number[], settings: SamplerSettings): number {
  return Math.min(model.contextLength, prompt.length + settings.maxTokens)
}

/** `drySequenceBreakers` as ids; none where DRY is off. */
export function breakerIds(settings: SamplerSettings, options: GenerateOptions): number[] {
  if (settings.dryMultiplier === 0) return []
  return settings.drySequenceBreakers.flatMap((breaker) => {
    if (typeof breaker === 'number') return [breaker]
    if (options.breakerId === undefined) {
      throw new ConfigError('generate: drySequenceBreakers as texts need a tokenizer; give ids, or pass breakerId')
    }
    return options.breakerId(breaker) ?? []
  })
}
