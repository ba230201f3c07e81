import { z } from 'zod'
import type { EngineDescription } from '../../runtime/engine.ts'
import type { Chart, Series } from './chart.ts'
import { formatDuration, formatNumber } from './format.ts'
import { type Html, type HtmlValue, html } from './html.ts'
import { type HeadNumber, renderPage, spread } from './render-page.ts'
import { type Facts, pick, type RunReport } from './run-report.ts'
import { finitePoints, smooth } from './series.ts'

const finite = z.number().catch(Number.NaN)
const measured = finite.optional()

const round = z.object({
  type: z.literal('round'),
  step: z.number(),
  discriminatorLoss: finite,
  generatorLoss: finite,
  realLogit: measured,
  fakeLogit: measured,
  realAhead: measured,
  r1: measured,
  r2: measured,
  gradientPenalty: measured,
  matchingLoss: measured,
  reconstructionError: measured,
  discriminatorGradientNorm: measured,
  generatorGradientNorm: measured,
  augmentation: measured,
  learningRate: measured,
  picturesPerSecond: measured,
})
const evaluation = z.object({
  type: z.literal('evaluation'),
  step: z.number(),
  diversity: finite,
  memorising: measured,
})
const warning = z.object({ type: z.literal('warning'), step: z.number(), kind: z.string(), text: z.string() })
const sample = z.object({ type: z.literal('sample'), step: z.number(), path: z.string() })

/** One round of a duel, as a line of `metrics.jsonl`. A value that is no number reads as NaN. */
export type RoundLine = z.infer<typeof round>

/** What happened in a duel, sorted by kind. */
export interface GanHistory {
  readonly rounds: readonly RoundLine[]
  readonly evaluations: readonly z.infer<typeof evaluation>[]
  readonly warnings: readonly z.infer<typeof warning>[]
  readonly samples: readonly z.infer<typeof sample>[]
}

/** Sorts the lines of a `metrics.jsonl` by kind; lines of other kinds are left out. */
export function readGanHistory(lines: readonly unknown[]): GanHistory {
  return {
    rounds: pick(lines, round),
    evaluations: pick(lines, evaluation),
    warnings: pick(lines, warning),
    samples: pick(lines, sample),
  }
}

/** Everything that the report of two networks shows. */
export interface GanReport
  extends Pick<RunReport, 'name' | 'architecture' | 'status' | 'seconds' | 'configuration' | 'hardware'>,
    Pick<RunReport, 'lineage' | 'commands'> {
  readonly parameters: { readonly generator: number; readonly discriminator: number }
  readonly rounds: number
  /** Real pictures shown, repeated ones counted again. */
  readonly pictures: number
  readonly history: GanHistory
  readonly data: Facts
  readonly engine: EngineDescription
  /** A sheet of samples as a PNG's bytes, by its line; those that cannot be read are left out. */
  readonly sheets: ReadonlyMap<number, Uint8Array>
}

/** Sheets of samples that a report shows at most. */
export const mostSheets = 12

/** The samples whose sheets a report shows: evenly spread, the first and the last among them. */
export function shownSamples({ samples }: GanHistory): GanHistory['samples'] {
  return spread(samples, mostSheets)
}

/** The report of two networks: the page of all reports with their duel, and sheets of samples that it holds itself. */
export function renderGanReport(report: GanReport): string {
  const { library, platform, threads, name: engine } = report.engine
  return renderPage({
    name: report.name,
    lead: report.architecture,
    status: report.status,
    numbers: numbers(report),
    charts: charts(report.history),
    samples: [warnings(report.history), timeline(report)],
    details: [
      [['Configuration', report.configuration]],
      [
        ['Data', report.data],
        ['Engine and machine', { engine, library, platform, threads, ...report.hardware }],
        ['Lineage', report.lineage],
      ],
    ],
    commands: report.commands,
    footer: 'All sheets are painted from the same latents.',
  })
}

function numbers({ history, parameters, rounds, pictures, seconds }: GanReport): HeadNumber[] {
  const diversity = history.evaluations.at(-1)?.diversity
  return [
    ...(diversity === undefined || !Number.isFinite(diversity)
      ? []
      : [{ label: 'Diversity', value: `${Math.round(100 * diversity)} %`, unit: 'of real' }]),
    { label: 'Generator parameters', value: formatNumber(parameters.generator) },
    { label: 'Discriminator parameters', value: formatNumber(parameters.discriminator) },
    { label: 'Rounds', value: formatNumber(rounds) },
    { label: 'Pictures shown', value: formatNumber(pictures) },
    { label: 'Time', value: formatDuration(seconds) },
  ]
}

function charts({ rounds, evaluations }: GanHistory): Chart[] {
  const smoothed = (label: string, tone: Series['tone'], value: (line: RoundLine) => unknown): Series => {
    const points = finitePoints(rounds, value)
    return { label, tone, points: smooth(points, Math.ceil(points.length / 100)) }
  }
  const of = (title: string, unit: string, series: readonly Series[], fromZero = true): Chart => {
    return { title, unit, series, fromZero }
  }
  const gradientPenalty = rounds.some((line) => line.gradientPenalty !== undefined)
  return [
    of(
      'Losses',
      'smoothed, by round',
      [
        smoothed('discriminator', 'first', (line) => line.discriminatorLoss),
        smoothed('generator', 'second', (line) => line.generatorLoss),
      ],
      false,
    ),
    of(
      'Logits',
      'means, smoothed',
      [smoothed('real', 'first', (line) => line.realLogit), smoothed('generated', 'second', (line) => line.fakeLogit)],
      false,
    ),
    of('Real ahead', 'share of pairs', [smoothed('real ahead', 'first', (line) => line.realAhead)]),
    of('Diversity', 'of samples, as a share of that of real pictures', [
      { label: 'diversity', tone: 'first', form: 'dots', points: finitePoints(evaluations, (line) => line.diversity) },
    ]),
    of('Gradient norms', 'before clipping, smoothed', [
      smoothed('discriminator', 'first', (line) => line.discriminatorGradientNorm),
      smoothed('generator', 'second', (line) => line.generatorGradientNorm),
    ]),
    gradientPenalty
      ? of('Gradient penalty', 'smoothed', [smoothed('penalty', 'first', (line) => line.gradientPenalty)])
      : of('Penalties', 'squared gradients of the logit, smoothed', [
          smoothed('real (R1)', 'first', (line) => line.r1),
          smoothed('generated (R2)', 'second', (line) => line.r2),
        ]),
    of('Learning by heart', 'how fake held-out pictures look', [
      {
        label: 'memorising',
        tone: 'second',
        form: 'dots',
        points: finitePoints(evaluations, (line) => line.memorising),
      },
    ]),
    of('Augmentation', 'strength', [smoothed('strength', 'first', (line) => line.augmentation)]),
    of('Learning rate', 'of the generator', [
      { label: 'learning rate', tone: 'first', points: finitePoints(rounds, (line) => line.learningRate) },
    ]),
    of('Speed', 'real pictures a second', [smoothed('pictures', 'first', (line) => line.picturesPerSecond)]),
  ]
}

function warnings({ warnings: told }: GanHistory): HtmlValue {
  if (told.length === 0) return undefined
  const entries = told.map(({ step, kind, text }) => {
    return html`<dt>round ${formatNumber(step)}, ${kind}</dt><dd>${text}</dd>`
  })
  return html`<div class="card warnings"><h3>Warnings</h3><dl class="facts">${entries}</dl></div>`
}

function timeline({ history, sheets }: GanReport): HtmlValue {
  const shown = shownSamples(history).filter(({ step }) => sheets.has(step))
  if (shown.length === 0) return html`<p class="quiet">No samples were painted during training.</p>`
  const note = html`<p class="quiet">${shown.length} of ${history.samples.length}; all are in samples/.</p>`
  const entries = shown.map(({ step }) => sheet(step, sheets.get(step)!))
  return [html`<ol class="timeline sheets">${entries}</ol>`, shown.length < history.samples.length ? note : undefined]
}

function sheet(step: number, png: Uint8Array): Html {
  const data = `data:image/png;base64,${Buffer.from(png).toString('base64')}`
  const title = `Samples after round ${step}`
  return html`<li><div class="when">round ${formatNumber(step)}</div><img src="${data}" alt="${title}"></li>`
}
