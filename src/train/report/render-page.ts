import { createHash } from 'node:crypto'
import { type Chart, renderChart } from './chart.ts'
import { Html, type HtmlValue, html } from './html.ts'
import { pageScript } from './page-script.ts'
import { pageStyle } from './page-style.ts'
import type { Facts, RunReport } from './run-report.ts'

/** A number at the head of a page. */
export interface HeadNumber {
  readonly label: string
  readonly value: string
  readonly unit?: string
}

/** What stands on a report, whatever was trained. */
export interface ReportPage {
  readonly name: string
  /** One line under the name. */
  readonly lead: string
  readonly status: RunReport['status']
  readonly numbers: readonly HeadNumber[]
  /** The first is drawn wide. */
  readonly charts: readonly Chart[]
  /** What the model made, from the first to the last. */
  readonly samples: HtmlValue
  /** Columns of titled tables. */
  readonly details: readonly (readonly (readonly [title: string, facts: Facts])[])[]
  /** How to go on, label → command. */
  readonly commands: Readonly<Record<string, string>>
  readonly footer: string
}

/**
 * A run's `report.html`: one page that needs no network. Whatever the run's files say is escaped, and the
 * page's policy lets nothing run or load but its own style and script, and pictures that it holds itself.
 */
export function renderPage(page: ReportPage): string {
  const { name, charts, samples, details, footer } = page
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy()}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${name} · Atelier</title>
<style>${new Html(pageStyle)}</style>
</head>
<body>
${pageHeader(page)}
<main>
${section('Curves', html`<div class="charts">${charts.map(renderChart)}</div>`)}
${section('Samples through time', samples)}
${section('Details', html`<div class="columns">${details.map(column)}</div>`)}
${section('Go on', commands(page.commands))}
</main>
<footer>${footer} Written by Atelier from this folder’s own files.</footer>
<script>${new Html(pageScript)}</script>
</body>
</html>
`.markup
}

function policy(): string {
  const hash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`
  const own = `style-src ${hash(pageStyle)}; script-src ${hash(pageScript)}; img-src data:`
  return `default-src 'none'; ${own}; base-uri 'none'; form-action 'none'`
}

function pageHeader({ name, status, lead, numbers }: ReportPage): Html {
  return html`<header>
<h1>${name}<span class="status ${status}">${status}</span></h1>
<p class="lead">${lead}</p>
<dl class="numbers">
${numbers.map(headNumber)}
</dl>
</header>`
}

function headNumber({ label, value, unit }: HeadNumber): Html {
  return html`<div><dt>${label}</dt><dd>${value}${unit && html`<small>${unit}</small>`}</dd></div>`
}

function section(title: string, content: HtmlValue): Html {
  return html`<section><h2>${title}</h2>${content}</section>`
}

function column(cards: ReportPage['details'][number]): Html {
  return html`<div>${cards.map(([title, facts]) => card(title, facts))}</div>`
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

/** At most `count` of the items, evenly spread, the first and the last among them. */
export function spread<T>(items: readonly T[], count: number): readonly T[] {
  if (items.length <= count) return items
  return Array.from({ length: count }, (_, i) => items[Math.round((i * (items.length - 1)) / (count - 1))] as T)
}

/** A count with its thousands parted, where there is one. */
export function grouped(count: number | undefined): string | undefined {
  return count?.toLocaleString('en-GB')
}
