export { artifactSchema, type TextArtifact } from './artifact.ts'
export { describeCorpus } from './data/describe-corpus.ts'
export { type Corpus, openCorpus } from './data/open-corpus.ts'
export { type PrepareCorpusOptions, prepareCorpus } from './data/prepare-corpus.ts'
export {
  type EvaluateProgress,
  type EvaluateTextOptions,
  evaluateText,
  type TextEvaluation,
} from './evaluate-text.ts'
export { type GuardResult, type GuardTextOptions, guardText } from './guard-text.ts'
export { type AdapterFacts, inspectModel, type Lineage, type ModelInspection } from './inspect.ts'
export type { FillFigures, NextFigures, PairFigures } from './measures/measure.ts'
export { type MergeResult, mergeText } from './merge-text.ts'
export { type QuantizeFigures, type QuantizeResult, type QuantizeTextOptions, quantizeText } from './quantize-text.ts'
export { type Remake, type RemakeOptions, type RemakeResult, remakeArtifact } from './remake.ts'
export { type RunRecord, readRun } from './run.ts'
export { resolveTextSettings, type TextSettings, textPresets, textSettingFields } from './settings.ts'
export { taskFor, textTasks } from './tasks/tasks.ts'
export { galleryFolder, TextModel, type TextPiece } from './text-model.ts'
export type { TextRunResult } from './text-run.ts'
export { type TextTrainEvent, type TrainTextOptions, trainText } from './train-text.ts'
export type { WrittenTexts } from './written-texts.ts'
