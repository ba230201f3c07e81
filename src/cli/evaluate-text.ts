import { basename, join, resolve } from 'node:path'
import type { EvaluateProgress, TextEvaluation } from '../text/evaluate-text.ts'
import type { CardOptions } from '../text/model-card.ts'
import type { Outcome } from './command.ts'
import type { EvaluateOptions, Evaluation } from './craft.ts'
import { figureRows, sampleRows } from './evaluation-rows.ts'
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
    'atelier evaluate runs/books --card',
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
  if (options.card) await (await import('../text/run.ts')).readRun(run) // rather than after the work
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
        const found = await evaluateText(run, {
          ...asked,
          ...given({ data: paths, sources: names }),
          signal,
          onProgress,
        })
        if (options.card) await addCard(run, found, progress, { ...given({ threads, engine }), signal })
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
async function addCard(run: string, evaluation: TextEvaluation, progress: Progress, options: CardOptions) {
  const [{ textCard }, { writeTextCard }] = await Promise.all([
    import('../text/model-card.ts'),
    import('./text-card.ts'),
  ])
  const onProgress = (done: number, total: number) =>
    progress.show('writing samples', done / total, `${done} of ${total}`)
  const card = await textCard(run, evaluation, { ...options, onProgress })
  await writeTextCard(run, card, { title: basename(resolve(run)) })
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
