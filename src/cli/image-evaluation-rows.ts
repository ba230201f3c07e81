import type { PictureMeasures } from '../evaluate/images/evaluate-pictures.ts'
import type { AttributeEvaluation } from '../image/asked-samples.ts'
import type { ImageEvaluation } from '../image/evaluate-image.ts'

/** Measures of samples beside real pictures; those of training pictures in brackets. */
export function qualityRows(own: PictureMeasures, baseline?: PictureMeasures): [string, string][] {
  const row = (name: string, digits: number, pick: (measures: PictureMeasures) => number): [string, string] => {
    const beside = baseline ? ` (${pick(baseline).toFixed(digits)})` : ''
    return [name, pick(own).toFixed(digits) + beside]
  }
  return [
    row('Fréchet distance', 3, ({ frechetDistance }) => frechetDistance),
    row('kernel distance', 5, ({ kernelDistance }) => kernelDistance.mean),
    row('precision', 3, ({ precision }) => precision),
    row('recall', 3, ({ recall }) => recall),
    row('density', 3, ({ density }) => density),
    row('coverage', 3, ({ coverage }) => coverage),
  ]
}

/** How many values of each attribute a classifier finds, and how often the one that was asked for. */
export function attributeRows(attributes: readonly AttributeEvaluation[]): [string, string][] {
  return attributes.map(({ attribute, values, agreement, found }) => {
    return [attribute, coverageLine({ found }, values.length, agreement)]
  })
}

/** Rates of copies in each space, beside those of held-out pictures. */
export function copyRows(copying: NonNullable<ImageEvaluation['copying']>): [string, string][] {
  return Object.entries(copying).map(([space, rate]) => [`by ${space}`, copyLine(rate)])
}

function coverageLine({ found }: { readonly found: number }, of: number, agreement: number | undefined): string {
  const agreed = agreement === undefined ? '' : `; ${(100 * agreement).toFixed(1)} % show what they were asked for by`
  return `${found} of ${of} found${agreed}`
}

function copyLine({ samples, heldOut, ratio }: NonNullable<ImageEvaluation['copying']>['pixels']): string {
  const percent = (share: number) => `${(100 * share).toFixed(2)} %`
  const interval = `${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)}`
  return `${percent(samples)} beside ${percent(heldOut)}: ratio ${ratio.estimate.toFixed(2)} (${interval})`
}
