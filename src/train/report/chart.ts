import { formatTick } from './format.ts'
import { type Html, html } from './html.ts'
import { type Bucket, bucketed, type Point, quantile, ticks } from './series.ts'

/** One curve of a chart. */
export interface Series {
  readonly label: string
  /** Which colour of the style sheet. */
  readonly tone: 'first' | 'second'
  readonly points: readonly Point[]
  /** `band` draws the range between lowest and highest, faintly; `dots` marks each point of a line. */
  readonly form?: 'line' | 'band' | 'dots'
}

/** A titled chart over training steps. */
export interface Chart {
  readonly title: string
  readonly unit: string
  readonly series: readonly Series[]
  /** Begins the axis at zero. */
  readonly fromZero?: boolean
}

interface Scale {
  readonly low: number
  readonly high: number
}

/** Curves longer than this are drawn by buckets. */
const mostPoints = 500
/** Height of the plot in units of its own; its width is 1,000. Both stretch to the page. */
const height = 200

/**
 * A line chart as SVG that stretches to its place without scripts: curves are drawn in units of their
 * own, labels are placed in percent. The highest 1.5 % of the values may lie above the top.
 */
export function renderChart({ title, unit, series, fromZero = false }: Chart): Html {
  const shown = series.filter(({ points }) => points.length > 0)
  if (shown.length === 0)
    return html`<figure class="chart"><figcaption><h3>${title}</h3></figcaption><p class="quiet">Nothing was recorded.</p></figure>`
  const x = extent(shown.flatMap(({ points }) => points.map((point) => point.x)))
  const y = verticalScale(shown, fromZero)
  return html`<figure class="chart" data-chart="${hoverData(shown, x, y)}">
<figcaption><h3>${title}</h3><span class="unit">${unit}</span><span class="legend">${shown.length > 1 ? shown.map(legendEntry) : undefined}</span></figcaption>
<div class="plot"><svg role="img" aria-label="${title}">
${ticks(y.low, y.high, 4).map((value) => horizontal(value, y))}
${ticks(x.low, x.high, 5).map((value) => vertical(value, x))}
<svg viewBox="0 0 1000 ${height}" preserveAspectRatio="none" width="100%" height="100%">${shown.map((each) => curve(each, x, y))}</svg>
<line class="cursor" y1="0" y2="100%" x1="-9999" x2="-9999"/>
</svg><output></output></div></figure>`
}

function legendEntry({ label, tone, form = 'line' }: Series): Html {
  return html`<span class="key ${tone} ${form}">${label}</span>`
}

function horizontal(value: number, y: Scale): Html {
  const at = `${(100 * (1 - position(value, y))).toFixed(2)}%`
  return html`<line class="grid" x1="0" x2="100%" y1="${at}" y2="${at}"/><text class="tick y" x="-8" y="${at}">${formatTick(value)}</text>`
}

function vertical(value: number, x: Scale): Html {
  const share = position(value, x)
  const anchor = share > 0.97 ? 'end' : share < 0.03 ? 'start' : 'middle'
  return html`<text class="tick x" x="${(100 * share).toFixed(2)}%" y="100%" dy="18" text-anchor="${anchor}">${formatTick(value)}</text>`
}

function curve({ points, tone, form = 'line' }: Series, x: Scale, y: Scale): Html {
  const buckets = bucketed(points, mostPoints)
  const at = (bucket: Bucket, value: number) =>
    `${(1000 * position(bucket.x, x)).toFixed(1)} ${(height * (1 - position(value, y))).toFixed(1)}`
  const path = (places: readonly string[]) => `M${places.join('L')}`
  const middle = buckets.map((bucket) => at(bucket, bucket.y))
  if (form === 'band') {
    const around = [...buckets.map((b) => at(b, b.high)), ...buckets.toReversed().map((b) => at(b, b.low))]
    return html`<path class="band ${tone}" d="${path(around)}Z"/>`
  }
  const line = html`<path class="line ${tone}" d="${path(middle)}"/>`
  // A line of no length with round ends is a dot that does not stretch with its plot.
  return form === 'dots'
    ? html`${line}<path class="dots ${tone}" d="${middle.map((place) => `M${place}h0`).join('')}"/>`
    : line
}

/** What the page's script needs to show values under the pointer, as JSON. */
function hoverData(series: readonly Series[], x: Scale, y: Scale): string {
  const brief = (value: number) => Number(value.toPrecision(5))
  const curves = series.map(({ label, tone, points }) => {
    const buckets = bucketed(points, mostPoints)
    return {
      label,
      tone,
      x: buckets.map((bucket) => Math.round(bucket.x)),
      y: buckets.map((bucket) => brief(bucket.y)),
    }
  })
  return JSON.stringify({ x: [x.low, x.high], y: [y.low, y.high], curves })
}

function verticalScale(series: readonly Series[], fromZero: boolean): Scale {
  const values = series.flatMap(({ points }) => points.map((point) => point.y))
  const low = fromZero ? 0 : values.reduce((least, value) => Math.min(least, value))
  const high = Math.max(quantile(values, 0.985), low)
  const margin = (high - low || Math.abs(high) || 1) * 0.06
  return { low: fromZero ? 0 : low - margin, high: high + margin }
}

function extent(values: readonly number[]): Scale {
  const low = values.reduce((least, value) => Math.min(least, value))
  const high = values.reduce((most, value) => Math.max(most, value))
  const margin = (high - low) * 0.008 || 0.5
  return { low: low - margin, high: high + margin }
}

function position(value: number, { low, high }: Scale): number {
  return (value - low) / (high - low)
}
