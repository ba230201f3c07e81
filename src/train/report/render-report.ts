import type { Chart } from './chart.ts'
import { formatDuration, formatNumber } from './format.ts'
import { type Html, type HtmlValue, html } from './html.ts'
import { grouped, type HeadNumber, renderPage, spread } from './render-page.ts'
import type { Facts, ReportData, RunHistory, RunReport, SampleLine, StepLine } from './run-report.ts'
import { finitePoints, smooth } from './series.ts'

const mostSamples = 9
const longestSample = 700

/** The report of a language model: {@link renderPage} with its losses, speed, and what it wrote. */
export function renderReport(report: RunReport): string {
  const { library, platform, threads, name: engine } = report.engine
  return renderPage({
    name: report.name,
    lead: report.architecture,
    status: report.status,
    numbers: numbers(report),
    charts: charts(report.history),
    samples: timeline(report.history.samples),
    details: [
      [['Configuration', report.configuration]],
      [
        ['Data', dataFacts(report.data)],
        ['Engine and machine', { engine, library, platform, threads, ...report.hardware }],
        ['Lineage', report.lineage],
      ],
    ],
    commands: report.commands,
    footer: 'Losses are means in nats a token.',
  })
}

function numbers(report: RunReport): HeadNumber[] {
  const { validationLoss, bitsPerByte, accuracy } = report
  return [
    ...(validationLoss === undefined
      ? []
      : [{ label: 'Validation loss', value: validationLoss.toFixed(3), unit: 'nats' }]),
    ...(bitsPerByte === undefined ? [] : [{ label: 'Bits per byte', value: bitsPerByte.toFixed(3) }]),
    ...(accuracy === undefined ? [] : [{ label: 'Found', value: (100 * accuracy).toFixed(1), unit: '%' }]),
    { label: 'Parameters', value: formatNumber(report.parameters) },
    { label: 'Steps', value: formatNumber(report.steps) },
    { label: 'Tokens seen', value: formatNumber(report.tokensSeen) },
    { label: 'Time', value: formatDuration(report.seconds) },
    { label: 'Tokens per second', value: formatNumber(Math.round(report.tokensPerSecond)) },
  ]
}

function charts({ steps, evaluations }: RunHistory): Chart[] {
  const loss = finitePoints(steps, (line) => line.loss)
  const validation = finitePoints(evaluations, (line) => line.validationLoss)
  const ofSteps = (title: string, unit: string, value: (line: StepLine) => unknown, fromZero = true): Chart => ({
    title,
    unit,
    fromZero,
    series: [{ label: title.toLowerCase(), tone: 'first', points: finitePoints(steps, value) }],
  })
  return [
    {
      title: 'Loss',
      unit: 'nats a token, by step',
      series: [
        { label: 'training, each step', tone: 'first', form: 'band', points: loss },
        { label: 'training, smoothed', tone: 'first', points: smooth(loss, Math.ceil(loss.length / 100)) },
        { label: 'validation', tone: 'second', form: 'dots', points: validation },
      ],
    },
    ofSteps('Learning rate', 'by step', (line) => line.learningRate),
    ofSteps('Gradient norm', 'before clipping', (line) => line.gradientNorm),
    ofSteps('Tokens per second', 'by step', (line) => line.tokensPerSecond),
  ]
}

function timeline(samples: readonly SampleLine[]): HtmlValue {
  if (samples.length === 0) return html`<p class="quiet">No samples were drawn during training.</p>`
  const shown = spread(samples, mostSamples)
  const note = html`<p class="quiet">${shown.length} of ${samples.length}; all are in metrics.jsonl.</p>`
  return [html`<ol class="timeline">${shown.map(sampleEntry)}</ol>`, shown.length < samples.length ? note : undefined]
}

function sampleEntry({ step, text, prompt }: SampleLine): Html {
  const cut = text.length > longestSample ? `${text.slice(0, longestSample)}…` : text
  return html`<li><div class="when">step ${formatNumber(step)}</div>
<blockquote dir="auto">${prompt && html`<span class="prompt">${prompt}</span>`}${cut}</blockquote></li>`
}

function dataFacts(data: ReportData): Facts {
  return {
    sources: data.sources.join(', '),
    digest: data.digest,
    documents: grouped(data.documents),
    'duplicates dropped': grouped(data.duplicatesDropped),
    'held out': data.heldOut,
    bytes: grouped(data.bytes),
    'training tokens': grouped(data.trainingTokens),
    'held-out tokens': grouped(data.heldOutTokens),
    licence: data.licence,
  }
}
