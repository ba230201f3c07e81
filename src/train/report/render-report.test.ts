import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { renderChart } from './chart.ts'
import { formatDuration, formatNumber, formatTick } from './format.ts'
import { escapeHtml, Html, html } from './html.ts'
import { renderReport } from './render-report.ts'
import { type RunReport, readHistory } from './run-report.ts'
import { bucketed, finitePoints, quantile, smooth, ticks } from './series.ts'

const report: RunReport = {
  name: 'first-run',
  architecture: 'Llama decoder, 2 layers',
  status: 'finished',
  parameters: 10_800_000,
  steps: 40,
  tokensSeen: 30_720,
  seconds: 161,
  tokensPerSecond: 12_345.6,
  validationLoss: 1.7982,
  bitsPerByte: 2.5942,
  history: readHistory([
    ...Array.from({ length: 40 }, (_, i) => ({ type: 'step', step: i + 1, loss: 4 - i / 20, learningRate: 1e-3 })),
    { type: 'evaluation', step: 40, validationLoss: 1.7982, bitsPerByte: 2.5942 },
    { type: 'sample', step: 40, prompt: 'Once ', text: 'upon a time' },
  ]),
  configuration: { dModel: 64, tieEmbeddings: true, emaDecay: null, unset: undefined },
  data: { sources: ['a.txt'], digest: 'sha256:12', documents: 1234, duplicatesDropped: 5, heldOut: 'the last 10 %' },
  engine: { name: 'cpu', library: 'onnxruntime-node 1.30.0', platform: 'linux-x64 avx512', threads: 2 },
  hardware: { processor: 'a processor' },
  lineage: { seed: 1337 },
  commands: { 'Write with it': 'atelier generate text --model runs/first-run --prompt "Once"' },
}

const hostile = `"'><script>alert(1)</script><img src=x onerror=alert(1)>&\u0000\u001b[31m`

describe('renderReport', () => {
  const page = renderReport(report)

  it('shows what the run says', () => {
    for (const text of [
      'first-run',
      '1.798',
      '2.594',
      '10.8 M',
      '2 min 41 s',
      '12,346',
      'upon a time',
      'sha256:12',
      '1,234',
    ]) {
      expect(page).toContain(text)
    }
    expect(page).toContain('<dt>seed</dt><dd>1337</dd>')
    expect(page).toContain('<dt>emaDecay</dt><dd>none</dd>')
    expect(page).toContain('--prompt &quot;Once&quot;')
    expect(page).not.toContain('unset')
  })

  it('needs no network', () => expect(page).not.toMatch(/https?:|\bsrc=|@import|url\(|<link/))

  it('lets nothing run but its own script and style', () => {
    const inside = (tag: string) => page.match(new RegExp(`<${tag}>([^]*?)</${tag}>`))?.[1] ?? ''
    const hash = (text: string) => createHash('sha256').update(text).digest('base64')
    const policy = page.match(/Content-Security-Policy" content="([^"]*)"/)?.[1]
    expect(policy).toBe(
      `default-src &#39;none&#39;; style-src &#39;sha256-${hash(inside('style'))}&#39;; ` +
        `script-src &#39;sha256-${hash(inside('script'))}&#39;; img-src data:; base-uri &#39;none&#39;; form-action &#39;none&#39;`,
    )
    expect(page).not.toMatch(/ style=| on\w+=/)
  })

  it('escapes every text that comes from the run', () => {
    const facts = { [hostile]: hostile }
    const attacked = renderReport({
      ...report,
      name: hostile,
      architecture: hostile,
      history: readHistory([{ type: 'sample', step: 1, text: hostile, prompt: hostile }]),
      configuration: facts,
      data: { ...report.data, sources: [hostile], digest: hostile, heldOut: hostile, licence: hostile },
      engine: { ...report.engine, library: hostile, platform: hostile },
      hardware: facts,
      lineage: facts,
      commands: { [hostile]: hostile },
    })
    expect(attacked.match(/<script/g)).toHaveLength(1)
    expect(attacked).not.toContain('<img')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(attacked).not.toMatch(/[\u0000\u001b]/)
    expect(attacked.split(escapeHtml(hostile)).length - 1).toBe(2 + 1 + 2 + 2 + 4 + 2 + 2 + 2 + 2)
  })

  it('shows a run that has only begun', () => {
    const { validationLoss, bitsPerByte, ...known } = report
    const begun = renderReport({ ...known, status: 'running', history: readHistory([]) })
    expect(begun).toContain('Nothing was recorded.')
    expect(begun).toContain('No samples were drawn')
    expect(begun).not.toContain('Bits per byte')
    expect(begun).not.toMatch(/NaN|Infinity|undefined/)
  })

  it('draws a run whose loss became NaN, as JSON writes it', () => {
    const history = readHistory([
      { type: 'step', step: 1, loss: 3 },
      { type: 'step', step: 2, loss: null },
    ])
    expect(history.steps[1]?.loss).toBeNaN()
    expect(renderReport({ ...report, history })).not.toMatch(/NaN|Infinity/)
  })

  it('thins out many samples but keeps the first and the last, and stays light for long runs', () => {
    const samples = Array.from({ length: 100 }, (_, i) => ({ type: 'sample', step: i + 1, text: 'x'.repeat(5000) }))
    const steps = Array.from({ length: 50_000 }, (_, i) => ({ type: 'step', step: i, loss: 3, gradientNorm: i % 7 }))
    const long = renderReport({ ...report, history: readHistory([...samples, ...steps]) })
    expect(long.match(/step \d+<\/div>/g)).toHaveLength(9)
    expect(long).toContain('step 1<')
    expect(long).toContain('step 100<')
    expect(long.length).toBeLessThan(150_000)
  })
})

describe('readHistory', () => {
  it('sorts lines by kind and leaves out what it does not know', () => {
    const { steps, evaluations, samples } = readHistory([
      { type: 'step', step: 1, loss: 2, extra: true },
      { type: 'checkpoint', step: 1 },
      null,
      { type: 'sample', step: 1 },
    ])
    expect([steps.length, evaluations.length, samples.length]).toEqual([1, 0, 0])
  })
})

describe('html', () => {
  it('escapes values, keeps markup, joins lists', () => {
    expect(html`<p title="${'"'}">${['<', html`<b>${1}</b>`, undefined]}</p>`.markup).toBe(
      '<p title="&quot;">&lt;<b>1</b></p>',
    )
    expect(html`${new Html('<i>')}`.markup).toBe('<i>')
  })
})

describe('series', () => {
  const points = (...values: number[]) => values.map((y, x) => ({ x, y }))

  it('smooths over neighbours, fewer at the ends: 0 3 6 9 keeps a straight line but for its end', () => {
    expect(smooth(points(0, 3, 6, 9), 1).map(({ y }) => y)).toEqual([0, 3, 6, 7.5])
    expect(smooth(points(5), 10)).toEqual([{ x: 0, y: 5 }])
    expect(smooth(points(1, 1, 1, 1, 1, 1), 2).map(({ y }) => y)).toEqual([1, 1, 1, 1, 1, 1])
  })

  it('buckets with their extremes', () => {
    expect(bucketed(points(1, 5, 3, 4, 9), 3)).toEqual([
      { x: 0.5, y: 3, low: 1, high: 5 },
      { x: 2.5, y: 3.5, low: 3, high: 4 },
      { x: 4, y: 9, low: 9, high: 9 },
    ])
  })

  it('leaves out what cannot be drawn', () => {
    const lines = [{ step: 1, y: 2 }, { step: 2, y: Number.NaN }, { step: 3 }]
    expect(finitePoints(lines, (line) => line.y)).toEqual([{ x: 1, y: 2 }])
  })

  it('finds quantiles and round ticks', () => {
    expect(quantile([4, 1, 3, 2], 0.5)).toBe(3)
    expect(quantile([], 0.5)).toBe(0)
    expect(ticks(0.13, 1.02, 4)).toEqual([0.5, 1])
    expect(ticks(0, 2000, 5)).toEqual([0, 500, 1000, 1500, 2000])
    expect(ticks(0, 0.0009, 4)).toEqual([0, 0.0005])
    expect(ticks(2, 2, 4)).toEqual([2])
  })
})

describe('renderChart', () => {
  it('puts points where they belong', () => {
    const chart = renderChart({
      title: 'T',
      unit: '',
      fromZero: true,
      series: [
        {
          label: 'a',
          tone: 'first',
          points: [
            { x: 0, y: 0 },
            { x: 100, y: 10 },
          ],
        },
      ],
    }).markup
    // x from −0.8 to 100.8, y from 0 to 10.6: 1000 · 0.8 / 101.6 = 7.9, 200 · (1 − 10 / 10.6) = 11.3.
    expect(chart).toContain('d="M7.9 200.0L992.1 11.3"')
  })
})

describe('formats', () => {
  it('writes numbers and times for people', () => {
    expect([10_765_432, 1_999, 0.0001234, 2.51349, 1.2e9, Number.NaN].map(formatNumber)).toEqual([
      '10.8 M',
      '1,999',
      '1.23e-4',
      '2.513',
      '1.2 G',
      '–',
    ])
    expect([1e-4, 0.5, 30_000, 2e6, 0].map(formatTick)).toEqual(['1e−4', '0.5', '30k', '2M', '0'])
    expect([58.3, 161, 11_100].map(formatDuration)).toEqual(['58 s', '2 min 41 s', '3 h 05 min'])
  })
})
