/** Quality, diversity and memorization of generated text. */
export { type BootstrapOptions, bootstrapInterval, type Interval, mean } from './bootstrap.ts'
export { type Copying, type CopyingOptions, copyingRate, measureCopying, type SampleCopying } from './copying.ts'
export { CorpusIndex, type Passage } from './corpus-index.ts'
export { evaluateSamples, type SampleEvaluation, type SampleMetrics } from './evaluate-samples.ts'
export * from './images/index.ts'
export { bitsPerByte, perplexity } from './likelihood.ts'
export { countNgrams, distinctN, type NgramCounts, repetitionRate, type Unit, wordsOf } from './ngrams.ts'
export { selfBleu, selfBleuScores } from './self-bleu.ts'
