import { createHash } from 'node:crypto'
import { type Chart, renderChart } from './chart.ts'
import { formatDuration, formatNumber } from './format.ts'
import { Html, type HtmlValue, html } from './html.ts'
import { pageScript } from './page-script.ts'
import { pageStyle } from './page-style.ts'
import type { Facts, ReportData, RunHistory, RunReport, SampleLine, StepLine } from './run-report.ts'
import { finitePoints, smooth } from './series.ts'

const mostSamples = 9
const longestSample = 700

/**
 * A run's `report.html`: one page that needs no network. Whatever the run's files say is escaped, and the
 * page's policy lets nothing run or load but its own style and script.
 */
export function renderReport(report: RunReport): string {
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy()}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${report.name} · Atelier</title>
<style>${new Html(pageStyle)}</style>
</head>
<body>
${pageHeader(report)}
<main>
${section('Curves', html`<div class="charts">${charts(report.history).map(renderChart)}</div>`)}
${section('Samples through time', timeline(report.history.samples))}
${section('Details', html`<div class="columns">${details(report)}</div>`)}
${section('Go on', commands(report.commands))}
</main>
<footer>Losses are means in nats a token. Written by Atelier from this folder’s own files.</footer>
<script>${new Html(pageScript)}</script>
</body>
</html>
`
  return page.markup
}

function policy(): string {
  const hash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`
  const own = `style-src ${hash(pageStyle)}; script-src ${hash(pageScript)}`
  return `default-src 'none'; ${own}; base-uri 'none'; form-action 'none'`
}

function pageHeader(report: RunReport): Html {
  const { validationLoss, bitsPerByte } = report
  return html`<header>
<h1>${report.name}<span class="status ${report.status}">${report.status}</span></h1>
<p class="lead">${report.architecture}</p>
<dl class="numbers">
${validationLoss === undefined ? undefined : number('Validation loss', validationLoss.toFixed(3), 'nats')}
${bitsPerByte === undefined ? undefined : number('Bits per byte', bitsPerByte.toFixed(3))}
${number('Parameters', formatNumber(report.parameters))}
${number('Steps', formatNumber(report.steps))}
${number('Tokens seen', formatNumber(report.tokensSeen))}
${number('Time', formatDuration(report.seconds))}
${number('Tokens per second', formatNumber(Math.round(report.tokensPerSecond)))}
</dl>
</header>`
}

function number(label: string, value: string, unit?: string): Html {
  return html`<div><dt>${label}</dt><dd>${value}${unit && html`<small>${unit}</small>`}</dd></div>`
}

function section(title: string, content: HtmlValue): Html {
  return html`<section><h2>${title}</h2>${content}</section>`
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

/** At most `count` of the items, evenly spread, the first and the last among them. */
function spread<T>(items: readonly T[], count: number): readonly T[] {
  if (items.length <= count) return items
  return Array.from({ length: count }, (_, i) => items[Math.round((i * (items.length - 1)) / (count - 1))] as T)
}

function details(report: RunReport): Html[] {
  const { name, library, platform, threads } = report.engine
  return [
    html`<div>${card('Configuration', report.configuration)}</div>`,
    html`<div>${card('Data', dataFacts(report.data))}
${card('Engine and machine', { engine: name, library, platform, threads, ...report.hardware })}
${card('Lineage', report.lineage)}</div>`,
  ]
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

function grouped(count: number | undefined): string | undefined {
  return count?.toLocaleString('en-GB')
}

function card(title: string, facts: Facts): Html {
  const known = Object.entries(facts).filter(([, value]) => value !== undefined)
  const rows = known.map(([label, value]) => html`<dt>${label}</dt><dd>${factText(value)}</dd>`)
  return html`<div class="card"><h3>${title}</h3><dl class="facts">${rows}</dl></div>`
}

function factText(value: Facts[string]): string {
  return typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value ?? 'none')
}

function commands(known: Readonly<Record<string, string>>): Html {
  const entries = Object.entries(known).map(([label, command]) => html`<p>${label}</p><pre>${command}</pre>`)
  return html`<div class="card commands">${entries}</div>`
}
