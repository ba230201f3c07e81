import { ConfigError } from '../errors.ts'
import type { CorpusIndex, Passage } from './corpus-index.ts'

/** What samples copied from a corpus. */
export interface Copying {
  /** The share of generated characters that lie in passages of `minimum` characters or more, 0 to 1. */
  readonly rate: number
  /** The shortest passage that counts as copied, in characters. */
  readonly minimum: number
  readonly samples: readonly SampleCopying[]
  /** The longest passages of all samples, longest first, each once. */
  readonly longest: readonly (Passage & { readonly sample: number })[]
}

/** What one sample copied. */
export interface SampleCopying {
  readonly characters: number
  /** Characters inside passages of `minimum` or more; one that lies in two passages counts once. */
  readonly copiedCharacters: number
  /** The length of its longest passage, in characters. */
  readonly longest: number
}

/** How {@link measureCopying} counts. */
export interface CopyingOptions {
  /** The shortest passage that counts, in characters; 50 by default. */
  readonly minimum?: number
  /** How many of the longest passages to list, 5 by default. */
  readonly list?: number
}

/**
 * Measures verbatim memorization: the longest passages of `samples` that stand word for word in the
 * indexed corpus, and the share of characters inside long ones.
 *
 * After Lee et al., "Deduplicating Training Data Makes Language Models Better", ACL 2022 (share of
 * generated tokens that lie in 50-token passages of the training set); here in characters, so that
 * models with different tokenizers compare. Throws {@link ConfigError} if `minimum` is not a positive integer.
 */
export function measureCopying(index: CorpusIndex, samples: readonly string[], options: CopyingOptions = {}): Copying {
  const { minimum = 50, list = 5 } = options
  if (!Number.isSafeInteger(minimum) || minimum < 1) {
    throw new ConfigError(`copying: got minimum ${minimum}, wanted a positive integer of characters`, { minimum })
  }
  const found = samples.map((text) => index.passages(text))
  const perSample = found.map((passages, i) => ({
    characters: samples[i]?.length ?? 0,
    copiedCharacters: covered(passages.filter(({ length }) => length >= minimum)),
    longest: passages.reduce((longest, { length }) => Math.max(longest, length), 0),
  }))
  return { rate: copyingRate(perSample), minimum, samples: perSample, longest: longestOf(found, list) }
}

/** The share of all characters that are copied; 0 for no characters. */
export function copyingRate(samples: readonly SampleCopying[]): number {
  const characters = samples.reduce((sum, sample) => sum + sample.characters, 0)
  const copied = samples.reduce((sum, sample) => sum + sample.copiedCharacters, 0)
  return characters === 0 ? 0 : copied / characters
}

/** Characters that lie in at least one passage; the passages come by start. */
function covered(passages: readonly Passage[]): number {
  let total = 0
  let end = 0
  for (const { start, length } of passages) {
    total += Math.max(0, start + length - Math.max(start, end))
    end = Math.max(end, start + length)
  }
  return total
}

function longestOf(found: readonly (readonly Passage[])[], list: number) {
  const all = found.flatMap((passages, sample) => passages.map((passage) => ({ ...passage, sample })))
  const seen = new Set<string>()
  const isNew = ({ text }: Passage) => !seen.has(text) && seen.add(text)
  return all
    .sort((a, b) => b.length - a.length)
    .filter(isNew)
    .slice(0, list)
}
