import type { Tokenizer } from '../data/tokenizers/tokenizer.ts'
import { ConfigError } from '../errors.ts'
import type { Conditioning } from '../models/gan.ts'
import { nearestName } from '../nearest-name.ts'
import { captionTokens, plainCaption } from './caption-tokens.ts'

/** What pictures are asked for by: pictures take turns where there are several. */
export interface Asked {
  /** Words, of a model that takes them; without, pictures of nothing in particular. */
  readonly prompt?: string | readonly string[]
  /** Names or indices, of a model that has classes; without, each class in turn. */
  readonly className?: string | number | readonly (string | number)[]
}

/** How many things are asked for, 1 where nothing is named. */
export function countAsked({ prompt, className }: Asked): number {
  return [prompt ?? className ?? ''].flat().length
}

/** One thing to ask for, as records tell it and as the generator takes it. */
export interface Condition {
  readonly prompt?: string
  readonly class?: { readonly index: number; readonly name: string }
  /** int32 [] of a class, [maxTokens] of words; absent where the model takes neither. */
  readonly values?: Int32Array
}

/** What {@link conditionsOf} needs to know of a model. */
export interface Asking {
  readonly conditioning: Conditioning
  readonly classes: readonly string[]
  readonly tokenizer?: Tokenizer
}

/**
 * The things that are asked for, one at least. Throws {@link ConfigError} in one line for words where the model has
 * classes or takes nothing, classes where it takes words or nothing, unknown classes, words that are empty or too many.
 */
export function conditionsOf(model: Asking, asked: Asked): readonly Condition[] {
  const { kind } = model.conditioning
  if (asked.prompt !== undefined && kind !== 'text')
    throw new ConfigError(
      `prompt: the model ${kind === 'class' ? `takes classes, not words; ask by class: ${listed(model.classes)}` : 'takes no words; leave it out'}`,
    )
  if (asked.className !== undefined && kind !== 'class')
    throw new ConfigError(
      `class: the model ${kind === 'text' ? 'takes words, not classes; use a prompt' : 'has no classes; leave it out'}`,
    )
  if (kind === 'class') return classConditions(model.classes, asked.className)
  if (kind === 'text') return [asked.prompt ?? undefined].flat().map((prompt) => textCondition(model, prompt))
  return [{}]
}

function classConditions(classes: readonly string[], asked: Asked['className']): Condition[] {
  const indices = asked === undefined ? classes.keys() : [asked].flat().map((name) => classIndex(classes, name))
  return Array.from(indices, (index) => ({ class: { index, name: classes[index]! }, values: Int32Array.of(index) }))
}

/**
 * The index of a class by its name in whatever case, by a whole word that one class alone has (`boot` of `Ankle boot`),
 * or else by its number; a number is an index. Throws {@link ConfigError} that lists the classes.
 */
export function classIndex(classes: readonly string[], name: string | number): number {
  const asked = String(name).trim().toLowerCase()
  const lower = classes.map((other) => other.toLowerCase())
  const found = typeof name === 'number' ? -1 : lower.indexOf(asked)
  if (found >= 0) return found
  const index = Number(name)
  if (asked !== '' && Number.isInteger(index) && index >= 0 && index < classes.length) return index
  const having = lower.flatMap((other, i) => (partsOf(other).includes(asked) ? [i] : []))
  if (typeof name === 'string' && having.length === 1) return having[0]!
  const nearest = nearestName(String(name), classes)
  const remedy =
    nearest === undefined ? `wanted one of ${listed(classes)}` : `did you mean ${nearest}? There are ${listed(classes)}`
  throw new ConfigError(`class: there is no '${name}'; ${remedy}`, { class: name, classes })
}

/** Words of a class's name, and names that it has between slashes. */
function partsOf(name: string): string[] {
  return [...name.split(/[^\p{L}\p{N}]+/u), ...name.split('/').map((part) => part.trim())]
}

function textCondition({ conditioning, tokenizer }: Asking, prompt: string | undefined): Condition {
  if (conditioning.kind !== 'text' || !tokenizer) return {}
  const { maxTokens } = conditioning
  if (prompt === undefined) return { values: new Int32Array(maxTokens) }
  const plain = plainCaption(prompt)
  if (plain === '') throw new ConfigError('prompt: got no words; say what to paint, or leave it out', { prompt })
  const { ids, cut } = captionTokens(tokenizer, prompt, maxTokens)
  if (!cut) return { prompt, values: ids }
  const tokens = tokenizer.encode(plain, { parseSpecial: false })
  throw new ConfigError(
    `prompt: got ${tokens.length} tokens, the model takes ${maxTokens}, which end at ` +
      `'${tokenizer.decode(tokens.subarray(0, maxTokens)).slice(-24)}'; say it in fewer words`,
    { tokens: tokens.length, maxTokens },
  )
}

function listed(classes: readonly string[]): string {
  const some = classes.slice(0, 20).map((name, index) => `${index} ${name}`)
  return some.join(', ') + (classes.length > some.length ? ` and ${classes.length - some.length} more` : '')
}
