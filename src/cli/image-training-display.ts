import type { ImageRunResult } from '../image/image-run.ts'
import type { ImageTrainEvent } from '../image/train-image.ts'
import { follow } from './follow.ts'
import { clock, count, indent, short, table } from './format.ts'
import { Progress } from './progress.ts'
import { bold, dim, shown, type Terminal } from './terminal.ts'

const stages = { read: 'reading', pack: 'packing' } as const

/** Pictures that could not be read, named one by one; the report counts them all. */
const mostNamed = 5

/** Shows a training of two networks as it goes: the bar, the duel, what goes wrong with it. */
export class ImageTrainingDisplay {
  readonly progress: Progress
  readonly #width: number
  #startStep = 0

  constructor(terminal: Terminal) {
    this.progress = new Progress(terminal)
    this.#width = Math.min(process.stderr.columns ?? 100, 100) - 2
  }

  /** Shows the events of a training until its end; gives what it came to. */
  follow(events: AsyncGenerator<ImageTrainEvent, ImageRunResult>): Promise<ImageRunResult> {
    return follow(events, this.progress, (event) => this.#show(event))
  }

  #show(event: ImageTrainEvent): void {
    const { progress } = this
    if (event.type === 'prepare') this.#prepare(event)
    else if (event.type === 'corpus') for (const line of corpusLines(event)) progress.line(shown(line, process.stderr))
    else if (event.type === 'start') this.#start(event)
    else if (event.type === 'round') progress.show('training', event.progress, roundText(event))
    else if (event.type === 'warning') progress.line(this.#warning(event))
    else if (event.type === 'sample') progress.line(dim(`round ${count(event.step)}: samples in ${event.path}`))
    else if (event.type === 'end') this.#end(event)
  }

  #prepare({ stage, done, total }: Extract<ImageTrainEvent, { type: 'prepare' }>): void {
    const text = total > 0 ? `${count(done)} of ${count(total)} pictures` : `${count(done)} pictures`
    this.progress.show(stages[stage], total > 0 ? done / total : 0, text)
  }

  #start({ step, parameters }: Extract<ImageTrainEvent, { type: 'start' }>): void {
    this.#startStep = step
    const { generator, discriminator } = parameters
    const resumed = step > 0 ? `, going on after round ${count(step)}` : ''
    this.progress.line(`generator: ${short(generator)} parameters, discriminator: ${short(discriminator)}${resumed}`)
    this.progress.show('compiling', 0, 'the steps of both players')
  }

  #warning({ step, text }: Extract<ImageTrainEvent, { type: 'warning' }>): string {
    const [first = '', ...rest] = indent(`round ${count(step)}: ${text}`, 2, this.#width).split('\n')
    return [bold(`! ${first.trimStart()}`), ...rest].join('\n')
  }

  #end({ reason, step }: Extract<ImageTrainEvent, { type: 'end' }>): void {
    if (reason !== 'finished' || step !== this.#startStep) return
    const more = 'ask for more by --steps, --minutes or --epochs, which count in all'
    this.progress.line(`already ${count(step)} rounds; nothing to do: ${more}`)
  }
}

function corpusLines(event: Extract<ImageTrainEvent, { type: 'corpus' }>): string[] {
  const { pictures, heldOut, duplicates, skipped, skippedCount, size, channels, classes, condition, vocabulary } = event
  const planes = { 1: 'grey', 3: 'colour', 4: 'colour and opacity' }[channels]
  const dropped = duplicates > 0 ? `, ${count(duplicates)} duplicates dropped` : ''
  const asked = {
    none: 'unconditional',
    class: `asked for by ${classes.length} classes`,
    text: `asked for by words, vocabulary of ${count(vocabulary ?? 0)}`,
  }[condition]
  const named = skipped.slice(0, mostNamed).map(({ source, reason }) => `  ${source}: ${reason}`)
  return [
    `pictures: ${count(pictures)} to learn from, ${count(heldOut)} held out${dropped}; ${size} × ${size}, ${planes}; ${asked}`,
    ...(skippedCount > 0
      ? [`${count(skippedCount)} could not be read${skippedCount > named.length ? ', such as' : ''}:`]
      : []),
    ...named,
  ]
}

function roundText(event: Extract<ImageTrainEvent, { type: 'round' }>): string {
  const { step, total, progress, discriminatorLoss, generatorLoss, realAhead, elapsedMs } = event
  const { diversity, augmentation, picturesPerSecond } = event
  const left = progress > 0 ? clock((elapsedMs / 1000) * (1 / progress - 1)) : '?'
  return [
    `round ${count(step)}${total === null ? '' : ` of ${count(total)}`}`,
    `losses ${discriminatorLoss.toFixed(2)} ${generatorLoss.toFixed(2)}`,
    `real ahead ${Math.round(100 * realAhead)} %`,
    ...(diversity === undefined ? [] : [`diversity ${Math.round(100 * diversity)} %`]),
    ...(augmentation > 0 && augmentation < 1 ? [`p ${augmentation.toFixed(2)}`] : []),
    `${short(picturesPerSecond)} pictures/s`,
    `${left} left`,
  ].join(' · ')
}

/** What a training came to, for people. */
export function imageSummary(result: ImageRunResult): string {
  const { steps, pictures, seconds, picturesPerSecond, diversity, sheet, run, report } = result
  const rows: (readonly [string, string] | undefined)[] = [
    ['rounds', `${count(steps)} (${short(pictures)} pictures in ${clock(seconds)})`],
    ['speed', `${count(picturesPerSecond)} pictures/s`],
    diversity === undefined ? undefined : ['diversity', `${Math.round(100 * diversity)} % of that of real pictures`],
    sheet === undefined ? undefined : ['samples', sheet],
    ['run', run],
    ['report', report],
  ]
  return table(rows.filter((row) => row !== undefined))
}
