/** Quality, diversity and memorization of generated pictures, from features of them. */
export { type ClassCoverage, classAgreement, classCoverage } from './class-coverage.ts'
export { type CopyRate, copyRate, type NearestDistances } from './copy-rate.ts'
export { type DotProducts, doubleDots, engineDots } from './dot-products.ts'
export {
  type Copies,
  type CopySets,
  leastCompared,
  measureCopies,
  measurePictures,
  type PictureMeasures,
} from './evaluate-pictures.ts'
export { FeatureMatrix, type Rows } from './feature-matrix.ts'
export { frechetDistance } from './frechet-distance.ts'
export { type KernelDistance, type KernelDistanceOptions, kernelDistance, squaredMmd } from './kernel-distance.ts'
export {
  type DensityCoverage,
  densityCoverage,
  type ManifoldOptions,
  type PrecisionRecall,
  precisionRecall,
} from './manifold.ts'
export { type NeighbourOptions, type Neighbours, nearestNeighbours, squaredRadii } from './nearest-neighbours.ts'
export type { PairOptions } from './pair-distances.ts'
