export type { CausalModel, DecodingState, LogitSums } from './causal-model.ts'
export { type Completion, complete } from './complete.ts'
export type { Constraint } from './constraint.ts'
export { ContinuousBatch, type ContinuousBatchOptions } from './continuous-batch.ts'
export { CopyGuard } from './copy-guard.ts'
export { generate } from './generate.ts'
export type {
  FinishEvent,
  FinishReason,
  GenerateOptions,
  GenerationEvent,
  GuessCounts,
  PieceDecoder,
  Speculation,
  TokenEvent,
} from './generation.ts'
export * from './grammar/index.ts'
export { createHistory, type History } from './history.ts'
export { type IdLogProbability, logNormalizer } from './log-probabilities.ts'
export { resolveSamplerSettings, wanted } from './resolve-settings.ts'
export { type LogitsContext, type LogitsHook, Sampler, type SamplerHooks, type SamplerOptions } from './sampler.ts'
export { defaultSamplerSettings, type SamplerSettings, type SettingField, samplerFields } from './settings.ts'
export { type Released, StopMatcher } from './stop-matcher.ts'
