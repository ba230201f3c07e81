import type { Random } from '../random/random.ts'
import { bootstrapInterval, type Interval, mean } from './bootstrap.ts'
import { type Copying, type CopyingOptions, copyingRate, measureCopying } from './copying.ts'
import type { CorpusIndex } from './corpus-index.ts'
import { distinctN, repetitionRate, wordsOf } from './ngrams.ts'
import { selfBleuScores } from './self-bleu.ts'

/** Diversity and memorization of a set of generated texts; n-grams are of words. */
export interface SampleMetrics {
  readonly samples: number
  readonly words: number
  /** Different n-grams / all n-grams, over all samples together. */
  readonly distinct1: number
  readonly distinct2: number
  readonly distinct3: number
  /** Mean BLEU-4 of each sample against the others, lower is more diverse; absent for a single sample. */
  readonly selfBleu?: Interval
  /** Mean share of repeated 4-grams within a sample. */
  readonly repetition: Interval
  /** Absent without an index. */
  readonly copying?: Copying & { readonly interval: Interval }
}

/** What {@link evaluateSamples} needs besides the texts. */
export interface SampleEvaluation extends CopyingOptions {
  /** Draws for the confidence intervals. */
  readonly random: Random
  /** Over the corpus that the model learned from. */
  readonly index?: CorpusIndex
}

/**
 * Measures generated texts (without their prompts): distinct-n, self-BLEU, repetition and, given an
 * index, copying; 95 % bootstrap intervals over samples. For a reading of the numbers, measure as
 * many pieces of held-out text of the same length. Throws `DataError` for no texts.
 */
export function evaluateSamples(texts: readonly string[], options: SampleEvaluation): SampleMetrics {
  const { random, index } = options
  const words = texts.map(wordsOf)
  const repetitions = words.map((units) => repetitionRate(units))
  return {
    samples: texts.length,
    words: words.reduce((sum, units) => sum + units.length, 0),
    distinct1: distinctN(words, 1),
    distinct2: distinctN(words, 2),
    distinct3: distinctN(words, 3),
    repetition: bootstrapInterval(repetitions, mean, random.split('repetition')),
    ...(words.length > 1 && {
      selfBleu: bootstrapInterval(selfBleuScores(words), mean, random.split('self-BLEU')),
    }),
    ...(index && { copying: copyingOf(index, texts, options) }),
  }
}

function copyingOf(index: CorpusIndex, texts: readonly string[], options: SampleEvaluation) {
  const copying = measureCopying(index, texts, options)
  return { ...copying, interval: bootstrapInterval(copying.samples, copyingRate, options.random.split('copying')) }
}
