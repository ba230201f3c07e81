import type { TextRunResult } from '../text/text-run.ts'
import type { TextTrainEvent } from '../text/train-text.ts'
import { follow } from './follow.ts'
import { bytes, clock, count, indent, short, table } from './format.ts'
import { Progress } from './progress.ts'
import { dim, shown, type Terminal } from './terminal.ts'

const stages = { read: 'reading', count: 'counting words', vocabulary: 'vocabulary', encode: 'encoding' } as const

/** Of each sample on the way; the report shows it all. */
const sampleLines = 4

/** Shows a training as it goes: the bar, what is measured, what the model writes. */
export class TrainingDisplay {
  readonly progress: Progress
  readonly #width: number
  #startStep = 0

  constructor(terminal: Terminal) {
    this.progress = new Progress(terminal)
    this.#width = Math.min(process.stderr.columns ?? 100, 100) - 2
  }

  /** Shows the events of a training until its end; gives what it came to. */
  follow(events: AsyncGenerator<TextTrainEvent, TextRunResult>): Promise<TextRunResult> {
    return follow(events, this.progress, (event) => this.#show(event))
  }

  #show(event: TextTrainEvent): void {
    const { progress } = this
    if (event.type === 'prepare') this.#prepare(event)
    else if (event.type === 'corpus') for (const line of [corpusLine(event), ...event.notes]) progress.line(line)
    else if (event.type === 'start') this.#start(event)
    else if (event.type === 'step') progress.show('training', event.progress, stepText(event))
    else if (event.type === 'evaluation') progress.line(evaluationLine(event))
    else if (event.type === 'sample') progress.line(this.#sample(event.prompt, event.text))
    else if (event.type === 'end') this.#end(event)
  }

  #prepare({ stage, done, total }: Extract<TextTrainEvent, { type: 'prepare' }>): void {
    const unit = stage === 'vocabulary' ? count : bytes
    const text = total > 0 ? `${unit(done)} of ${unit(total)}` : unit(done)
    this.progress.show(stages[stage], total > 0 ? done / total : 0, text + (stage === 'vocabulary' ? ' merges' : ''))
  }

  #start({ step, parameters, trained }: Extract<TextTrainEvent, { type: 'start' }>): void {
    this.#startStep = step
    const resumed = step > 0 ? `, going on after step ${count(step)}` : ''
    const part = trained === undefined ? '' : `, ${short(trained)} of them trained`
    this.progress.line(`model: ${short(parameters)} parameters${part}${resumed}`)
    this.progress.show('training', 0, 'compiling the step')
  }

  #end({ reason, step }: Extract<TextTrainEvent, { type: 'end' }>): void {
    if (reason === 'finished' && step === this.#startStep)
      this.progress.line(
        `already ${count(step)} steps; nothing to do: ask for more by --steps, --minutes or --epochs, which count in all`,
      )
    this.progress.show('measuring', 1, 'all held-out text, with the weights that were kept')
  }

  #sample(prompt: string, text: string): string {
    const lines = indent(shown((prompt + text).trim(), process.stderr), 4, this.#width).split('\n')
    return dim(lines.length > sampleLines ? `${lines.slice(0, sampleLines).join('\n')} …` : lines.join('\n'))
  }
}

function corpusLine(event: Extract<TextTrainEvent, { type: 'corpus' }>): string {
  const { documents, duplicates, trainTokens, heldOutTokens, vocabulary } = event
  const dropped = duplicates > 0 ? `, ${count(duplicates)} duplicates dropped` : ''
  return (
    `corpus: ${count(documents)} document${documents === 1 ? '' : 's'}${dropped}, ${short(trainTokens)} tokens ` +
    `to learn from, ${short(heldOutTokens)} held out, vocabulary of ${count(vocabulary)}`
  )
}

function stepText({
  step,
  total,
  progress,
  loss,
  tokensPerSecond,
  elapsedMs,
}: Extract<TextTrainEvent, { type: 'step' }>) {
  const of = total === null ? '' : ` of ${count(total)}`
  const left = progress > 0 ? clock((elapsedMs / 1000) * (1 / progress - 1)) : '?'
  return `step ${count(step)}${of} · loss ${loss.toFixed(3)} · ${short(tokensPerSecond)} tokens/s · ${left} left`
}

function evaluationLine(event: Extract<TextTrainEvent, { type: 'evaluation' }>) {
  const { step, validationLoss, best } = event
  const kept = best ? '' : dim(' (not better)')
  return `step ${count(step)}: held-out loss ${validationLoss.toFixed(3)}${further(event)}${kept}`
}

/** What is measured besides the loss. */
function further({ bitsPerByte, accuracy }: Pick<TextRunResult, 'bitsPerByte' | 'accuracy'>): string {
  const bits = bitsPerByte === undefined ? '' : `, ${bitsPerByte.toFixed(3)} bits per byte`
  return accuracy === undefined ? bits : `${bits}, ${(100 * accuracy).toFixed(1)} % found`
}

/** What a training came to, for people. */
export function summary(result: TextRunResult): string {
  return table([
    ['steps', `${count(result.steps)} (${short(result.tokens)} tokens in ${clock(result.seconds)})`],
    ['speed', `${count(result.tokensPerSecond)} tokens/s`],
    ['held out', `${result.validationLoss.toFixed(3)} nats a token${further(result)}`],
    ['run', result.run],
    ['report', result.report],
  ])
}
