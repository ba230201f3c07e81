import type { Interval } from '../evaluate/bootstrap.ts'
import type { SampleMetrics } from '../evaluate/evaluate-samples.ts'
import type { EvaluateProgress, TextEvaluation } from '../text/evaluate-text.ts'
import type { FillFigures, TextFigures } from '../text/measures/measure.ts'
import type { Outcome } from './command.ts'
import type { EvaluateOptions, Evaluation } from './craft.ts'
import { count, indent, table } from './format.ts'
import { interruptible } from './interrupt.ts'
import { given, literalsOption, numberOption, textOption } from './options.ts'
import { Progress } from './progress.ts'
import { findSources } from './sources.ts'
import { heading, shown, type Terminal } from './terminal.ts'

/** What `atelier evaluate` does for text. */
export const textEvaluation: Evaluation = {
  options: [
    ['--field <name>', 'field of JSON, CSV and Parquet that holds the text', textOption('--field', 'a name')],
    [
      '--task <name>',
      'what to measure: next, fill, denoise, pairs [default: what the run learned]',
      textOption('--task', 'next, fill, denoise or pairs'),
    ],
    [
      '--limit <n>',
      'pairs, or hidden tokens and hidden words, to measure on at most [default: 1000 pairs, 1024 tokens, 4096 words]',
      numberOption('--limit', { whole: true, minimum: 1 }),
    ],
    [
      '--between <text>',
      'what a decoder reads between the texts of a pair [default: a new line]',
      (text: string) => literalsOption('--between')(text)[0]!,
    ],
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
    'atelier evaluate runs/titles --task pairs --data titles.jsonl',
  ],
  run: evaluate,
}

interface Options extends EvaluateOptions {
  readonly field?: string
  readonly task?: string
  readonly limit?: number
  readonly between?: string
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
  const { data, field, task, limit, between, samples, threads, engine, tokens } = options
  const settings = tokens === undefined ? undefined : { maxTokens: tokens }
  const onProgress = ({ stage, done, total }: EvaluateProgress) =>
    progress.show(stages[stage], total > 0 ? done / total : 0, `${count(done)} of ${count(total)}`)
  const asked = given({ field, task, limit, between, samples, threads, engine, settings })
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
  const { text, samples, baseline, indexedCharacters, isIndexPartial } = evaluation
  const source = text.source === 'held-out' ? 'held-out text' : text.source.join(', ')
  terminal.say(heading(`On ${shown(source)} (${count(text.tokens)} tokens)`))
  terminal.say(table(figureRows(evaluation)))
  if (!samples) return
  const beside = samples.prompt === undefined ? 'the targets themselves' : 'as much of the measured text'
  terminal.say(heading(`\nOf ${samples.samples} texts of its own (beside ${beside})`))
  terminal.say(table(sampleRows(samples, baseline)))
  if (isIndexPartial)
    terminal.say(`  (copied: looked for in the first ${count(indexedCharacters ?? 0)} characters of the corpus)`)
  const longest = samples.copying?.longest[0]
  if (longest)
    terminal.say(`\nThe longest passage copied (${longest.length} characters):\n${indent(shown(longest.text), 2)}`)
}

function figureRows(found: TextFigures): [string, string][] {
  if (found.task === 'fill') return fillRows(found)
  const loss: [string, string][] = [
    ['loss', `${found.validationLoss.toFixed(4)} nats a token`],
    ['perplexity', found.perplexity.toFixed(2)],
  ]
  if (found.task === 'next') return [...loss, ['bits per byte', found.bitsPerByte.toFixed(4)]]
  const { pairs, of, cutSources, documents } = found.text
  const tooLong = found.logProbabilities.length - pairs
  return [
    ...loss,
    ['bits per byte', `${withInterval(found.bitsPerByte, 4)} of the targets`],
    ['likeliest right', percent(found.accuracy)],
    ['ln P of a target', withInterval(found.meanLogProbability, 2)],
    [
      'pairs',
      `${count(pairs)} of ${count(of)}` +
        (tooLong > 0 ? `; ${count(tooLong)} of the ${count(documents)} drawn are too long for the model` : '') +
        (cutSources > 0 ? `; ${count(cutSources)} sources cut to fit` : ''),
    ],
  ]
}

function fillRows({
  pseudoPerplexity,
  pseudoBitsPerByte,
  pseudoTokens,
  hidden,
  text,
}: FillFigures): [string, string][] {
  const parts = pseudoTokens < text.tokens ? `, by ${count(pseudoTokens)} tokens hidden one at a time` : ''
  return [
    ['pseudo-perplexity', `${withInterval(pseudoPerplexity, 2)}${parts}`],
    ['pseudo-bits per byte', withInterval(pseudoBitsPerByte, 4)],
    [
      'hidden tokens',
      `${shareOf(hidden.top1)} right, ${shareOf(hidden.top5)} among the five likeliest, with ${percent(hidden.share)} hidden`,
    ],
    ['hidden words', `${shareOf(hidden.wholeWords)} right, of ${count(hidden.words)}`],
  ]
}

function withInterval({ estimate, low, high }: Interval, digits: number): string {
  return `${estimate.toFixed(digits)} (${low.toFixed(digits)} to ${high.toFixed(digits)})`
}

function shareOf({ estimate, low, high }: Interval): string {
  return `${percent(estimate)} (${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)})`
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
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
