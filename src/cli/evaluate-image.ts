import type { PictureMeasures } from '../evaluate/images/evaluate-pictures.ts'
import type { EvaluateImageProgress, ImageEvaluation } from '../image/evaluate-image.ts'
import type { Outcome } from './command.ts'
import type { EvaluateOptions, Evaluation } from './craft.ts'
import { count, table } from './format.ts'
import { interruptible } from './interrupt.ts'
import { given, numberOption, textOption } from './options.ts'
import { Progress } from './progress.ts'
import { findSources } from './sources.ts'
import { heading, shown, type Terminal } from './terminal.ts'

/** What `atelier evaluate` does for pictures. */
export const imageEvaluation: Evaluation = {
  options: [
    [
      '--features <name>',
      'what sees the pictures: classifier; inception, nsfwjs’ network, fetched once by npm, whose scores compare with one another, not with published ones; or a safetensors file of the FID Inception (default: the run’s classifier, else inception)',
      textOption('--features', 'a name or a file'),
    ],
    [
      '--classifier <folder>',
      'a classifier to count classes by (default: that of the run)',
      textOption('--classifier', 'a folder'),
    ],
    [
      '--train-pictures <n>',
      'most training pictures to look for copies among by features',
      numberOption('--train-pictures', { whole: true, minimum: 2 }),
    ],
  ],
  examples: ['atelier evaluate runs/faces --samples 1000', 'atelier evaluate gallery/fashion --data fashion/test'],
  run: evaluate,
}

interface Options extends EvaluateOptions {
  readonly features?: string
  readonly classifier?: string
  readonly trainPictures?: number
}

const stages: Readonly<Record<EvaluateImageProgress['stage'], string>> = {
  samples: 'painting',
  features: 'looking',
  measures: 'comparing',
  copies: 'looking for copies',
}

async function evaluate(options: Options, terminal: Terminal, run: string): Promise<Outcome> {
  const { evaluateImage } = await import('../image/evaluate-image.ts')
  const progress = new Progress(terminal)
  const { data, samples, features, classifier, trainPictures, threads, engine } = options
  const onProgress = ({ stage, done, total }: EvaluateImageProgress) =>
    progress.show(stages[stage], total > 0 ? done / total : 0, `${count(done)} of ${count(total)}`)
  const asked = given({ samples, features, classifier, trainPictures, threads, engine })
  try {
    const result = await interruptible(
      () => progress.line('stopping'),
      async (signal) => {
        const { paths, names } = data ? await findSources(data, progress, signal, 'image') : {}
        const sources = given({ data: paths, sources: names })
        return evaluateImage(run, { ...asked, ...sources, signal, onProgress, onNote: (line) => progress.line(line) })
      },
    )
    progress.end()
    describe(result, terminal)
    return { result }
  } finally {
    progress.end()
  }
}

function describe(evaluation: ImageEvaluation, terminal: Terminal): void {
  const { pictures, quality, baseline, features, copying, nearest, attributes = [] } = evaluation
  const real = pictures.real === 'held-out' ? 'held-out pictures' : pictures.real.join(', ')
  terminal.say(
    heading(
      `${count(pictures.samples)} samples beside ${shown(real)}, as ${features.name} sees them (training pictures)`,
    ),
  )
  terminal.say(table(qualityRows(quality, baseline)))
  if (features.note) terminal.say(`  ${features.note}`)
  for (const { attribute, values, agreement, ...coverage } of attributes)
    terminal.say(`${shown(attribute)}: ${coverageLine(coverage, values.length, agreement)}`)
  if (!copying) return
  terminal.say(heading('\nCopies of training pictures, beside held-out ones'))
  terminal.say(table(Object.entries(copying).map(([space, rate]) => [`by ${space}`, copyLine(rate)])))
  const [first] = nearest ?? []
  if (first)
    terminal.say(`\nNearest: sample ${first.sample + 1} to ${shown(first.picture)}; see evaluation-nearest.png`)
}

function qualityRows(own: PictureMeasures, baseline?: PictureMeasures): [string, string][] {
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

function coverageLine({ found }: { readonly found: number }, of: number, agreement: number | undefined): string {
  const agreed = agreement === undefined ? '' : `; ${(100 * agreement).toFixed(1)} % show what they were asked for by`
  return `${found} of ${of} found${agreed}`
}

function copyLine({ samples, heldOut, ratio }: NonNullable<ImageEvaluation['copying']>['pixels']): string {
  const percent = (share: number) => `${(100 * share).toFixed(2)} %`
  const interval = `${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)}`
  return `${percent(samples)} beside ${percent(heldOut)}: ratio ${ratio.estimate.toFixed(2)} (${interval})`
}
