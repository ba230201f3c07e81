/** Pictures: from people's own, by class or by words; how good, how varied and how new they are. */
export { type ImageArtifact, imageArtifactSchema } from './artifact.ts'
export { PictureClassifier } from './classify-pictures.ts'
export { type ImageCorpus, type ImageSet, openImages } from './data/image-corpus.ts'
export { type PrepareImagesOptions, prepareImages } from './data/prepare-images.ts'
export {
  type EvaluateImageOptions,
  type EvaluateImageProgress,
  evaluateImage,
  type ImageEvaluation,
} from './evaluate-image.ts'
export type { FeatureExtractor } from './features/feature-extractor.ts'
export { InceptionFeatures } from './features/inception-features.ts'
export { type GenerateImages, ImageModel, type InterpolateImages, type Painted } from './image-model.ts'
export type { ImageRunResult } from './image-run.ts'
export { type ImageInspection, inspectImageModel } from './inspect.ts'
export { type Projection, type ProjectOptions, project } from './project.ts'
export { type ImageRemake, type ImageRemakeResult, remakeImages } from './remake.ts'
export type { Pictures } from './render/canvas.ts'
export { encodeAnimation, encodeGrid, encodePicture } from './render/encode.ts'
export { encodePairs } from './render/sheet.ts'
export { type ImageRunRecord, readImageRun } from './run.ts'
export { type ImageSettings, imagePresets, imageSettingFields, resolveImageSettings } from './settings.ts'
export { type TrainClassifierOptions, type TrainedClassifier, trainClassifier } from './train-classifier.ts'
export { type ImageTrainEvent, type TrainImageOptions, trainImage } from './train-image.ts'
