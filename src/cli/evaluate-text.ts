import type { SampleMetrics } from '../evaluate/evaluate-samples.ts'
import type { EvaluateProgress, TextEvaluation } from '../text/evaluate-text.ts'
import type { Outcome } from './command.ts'
import type { EvaluateOptions, Evaluation } from './craft.ts'
import { count, indent, table } from './format.ts'
import { interruptible } from './interrupt.ts'
import { given, numberOption, textOption } from './options.ts'
import { Progress } from './progress.ts'
import { findSources } from './sources.ts'
import { heading, shown, type Terminal } from './terminal.ts'

/** What `atelier evaluate` does for text. */
export const textEvaluation: Evaluation = {
  options: [
    ['--field <name>', 'field of JSON, CSV and Parquet that holds the text', textOption('--field', 'a name')],
    [
      '--tokens <n>',
      'the longest text to let it write, in tokens [default: 256]',
      numberOption('--tokens', { whole: true, minimum: 1 }),
    ],
  ],
  examples: [
    'atelier evaluate runs/books',
    'atelier evaluate runs/books --samples 16 --tokens 128 --json',
    'atelier evaluate some/gpt2 --data held-out.txt',
  ],
  run: evaluate,
}

interface Options extends EvaluateOptions {
  readonly field?: string
  readonly tokens?: number
}

const stages: Readonly<Record<EvaluateProgress['stage'], string>> = {
  loss: 'measuring held-out text',
  samples: 'writing',
  index: 'indexing the corpus',
  measures: 'comparing',
}

async function evaluate(options: Options, terminal: Terminal, run: string): Promise<Outcome> {
  const { evaluateText } = await import('../text/evaluate-text.ts')
  const progress = new Progress(terminal)
  const { data, field, samples, threads, engine, tokens } = options
  const settings = tokens === undefined ? undefined : { maxTokens: tokens }
  const onProgress = ({ stage, done, total }: EvaluateProgress) =>
    progress.show(stages[stage], total > 0 ? done / total : 0, `${count(done)} of ${count(total)}`)
  const asked = given({ field, samples, threads, engine, settings })
  try {
    const result = await interruptible(
      () => progress.line('stopping'),
      async (signal) => {
        const { paths, names } = data ? await findSources(data, progress, signal) : {}
        return evaluateText(run, { ...asked, ...given({ data: paths, sources: names }), signal, onProgress })
      },
    )
    progress.end()
    describe(result, terminal)
    return { result }
  } finally {
    progress.end()
  }
}

function describe(evaluation: TextEvaluation, terminal: Terminal): void {
  const { validationLoss, perplexity, bitsPerByte, text, samples, baseline } = evaluation
  const { indexedCharacters, isIndexPartial } = evaluation
  const source = text.source === 'held-out' ? 'held-out text' : text.source.join(', ')
  terminal.say(heading(`On ${shown(source)} (${count(text.tokens)} tokens)`))
  terminal.say(
    table([
      ['loss', `${validationLoss.toFixed(4)} nats a token`],
      ['perplexity', perplexity.toFixed(2)],
      ['bits per byte', bitsPerByte.toFixed(4)],
    ]),
  )
  if (!samples) return
  terminal.say(heading(`\nOf ${samples.samples} texts of its own (beside as much of the measured text)`))
  terminal.say(table(sampleRows(samples, baseline)))
  if (isIndexPartial)
    terminal.say(`  (copied: looked for in the first ${count(indexedCharacters ?? 0)} characters of the corpus)`)
  const longest = samples.copying?.longest[0]
  if (longest)
    terminal.say(`\nThe longest passage copied (${longest.length} characters):\n${indent(shown(longest.text), 2)}`)
}

function sampleRows(own: SampleMetrics, text?: SampleMetrics): [string, string][] {
  const row = (name: string, pick: (metrics: SampleMetrics) => number | undefined): [string, string][] => {
    const [mine, theirs] = [pick(own), text && pick(text)]
    if (mine === undefined) return []
    return [[name, mine.toFixed(3) + (theirs === undefined ? '' : ` (${theirs.toFixed(3)})`)]]
  }
  return [
    ...row('distinct-1', (metrics) => metrics.distinct1),
    ...row('distinct-2', (metrics) => metrics.distinct2),
    ...row('distinct-3', (metrics) => metrics.distinct3),
    ...row('self-BLEU', (metrics) => metrics.selfBleu?.estimate),
    ...row('repetition', (metrics) => metrics.repetition.estimate),
    ...row('copied', (metrics) => metrics.copying?.rate),
  ]
}
