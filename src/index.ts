/**
 * Atelier: train, sample and evaluate generative models.
 *
 * What most programs need stands here; every folder of the ladder has its own subpath, such as
 * `atelier/graph` and `atelier/sample`.
 */
export { getDataset, knownDatasets } from './data/catalog.ts'
export * from './errors.ts'
export * from './image/index.ts'
export { createEngine, type Engine, type EngineName } from './runtime/index.ts'
export type { SamplerSettings } from './sample/settings.ts'
export * from './text/index.ts'
export type { TrainEvent } from './train/events.ts'
export type { GanEvent } from './train/gan-events.ts'
export { version } from './version.ts'
