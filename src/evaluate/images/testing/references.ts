import { readFileSync } from 'node:fs'
import { decodeSafetensors, toFloat32 } from '../../../files/safetensors.ts'
import { FeatureMatrix } from '../feature-matrix.ts'

/** What Python measured of one pair of sets; test/fixtures/image-metrics/make.py says how. */
export interface Reference {
  readonly frechet: number
  readonly frechetByScipy: number
  readonly frechetByTorchmetrics: number
  readonly kernel: number
  readonly subsets: readonly (readonly [number[], number[]])[]
  readonly kernelOfSubsets: readonly number[]
  readonly precisionRecall: readonly [number, number]
  readonly densityCoverage: readonly [number, number]
  readonly nearest: readonly number[]
  readonly nearestDistance: readonly number[]
  readonly nearestOther: readonly number[]
}

const folder = new URL('../../../../test/fixtures/image-metrics/', import.meta.url)
const { tensors } = decodeSafetensors(readFileSync(new URL('features.safetensors', folder)))
const expected = JSON.parse(readFileSync(new URL('image-metrics.json', folder), 'utf8')) as {
  cases: Record<string, Reference>
  copies: { threshold: number; samples: number; heldOut: number; ratio: number }
}

/** A committed set of features. */
export function features(name: string): FeatureMatrix {
  const tensor = tensors[name]!
  return new FeatureMatrix(toFloat32(tensor), tensor.shape[1] as number)
}

/** Pairs of sets and what Python measured of them, by name. */
export const references = Object.entries(expected.cases).map(
  ([name, reference]) => [name, features(`${name}.samples`), features(`${name}.real`), reference] as const,
)

/** Python's copy rate of the sets `copies.…`. */
export const copies = expected.copies
