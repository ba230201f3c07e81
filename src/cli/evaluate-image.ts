import { basename, join, resolve } from 'node:path'
import { writeFileAtomic } from '../files/atomic-write.ts'
import type { EvaluateImageProgress, ImageEvaluation } from '../image/evaluate-image.ts'
import type { ImageCardOptions } from '../image/model-card.ts'
import type { Outcome } from './command.ts'
import type { EvaluateOptions, Evaluation } from './craft.ts'
import { count, table } from './format.ts'
import { attributeRows, copyRows, qualityRows } from './image-evaluation-rows.ts'
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
  examples: [
    'atelier evaluate runs/faces --samples 1000',
    'atelier evaluate gallery/fashion --data fashion/test',
    'atelier evaluate runs/faces --card',
  ],
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
  if (options.card) await (await import('../image/run.ts')).readImageRun(run) // rather than after the work
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
        const onNote = (line: string) => progress.line(line)
        const found = await evaluateImage(run, { ...asked, ...sources, signal, onProgress, onNote })
        if (options.card) await addCard(run, found, given({ threads, engine }))
        return found
      },
    )
    progress.end()
    describe(result, terminal)
    if (options.card) terminal.say(`\nIts card: ${shown(join(run, 'card.md'))}`)
    return { result }
  } finally {
    progress.end()
  }
}

/** Writes the card of a run into its folder. */
async function addCard(run: string, evaluation: ImageEvaluation, options: ImageCardOptions): Promise<void> {
  const [{ imageCard }, { sheetFile, writeImageCard }] = await Promise.all([
    import('../image/model-card.ts'),
    import('./image-card.ts'),
  ])
  const { card, sheet } = await imageCard(run, evaluation, options)
  await writeFileAtomic(join(run, sheetFile), sheet)
  await writeImageCard(run, card, { title: basename(resolve(run)) })
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
  for (const [attribute, line] of attributeRows(attributes)) terminal.say(`${shown(attribute)}: ${line}`)
  if (!copying) return
  terminal.say(heading('\nCopies of training pictures, beside held-out ones'))
  terminal.say(table(copyRows(copying)))
  const [first] = nearest ?? []
  if (first)
    terminal.say(`\nNearest: sample ${first.sample + 1} to ${shown(first.picture)}; see evaluation-nearest.png`)
}
