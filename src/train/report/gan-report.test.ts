import { describe, expect, it } from 'vitest'
import { type GanReport, mostSheets, readGanHistory, renderGanReport } from './gan-report.ts'
import { escapeHtml } from './html.ts'

const round = (step: number) => ({
  type: 'round',
  step,
  discriminatorLoss: 0.6,
  generatorLoss: 1.1,
  realLogit: 1,
  fakeLogit: -1,
  realAhead: 0.8,
  r1: 0.1,
  r2: 0.2,
  discriminatorGradientNorm: 1,
  generatorGradientNorm: 0.5,
  augmentation: 0.25,
  learningRate: 0.001,
  picturesPerSecond: 100,
})

const report: GanReport = {
  name: 'flowers',
  architecture: 'R3GAN, 32 × 32',
  status: 'finished',
  parameters: { generator: 1_200_000, discriminator: 800_000 },
  rounds: 40,
  pictures: 2560,
  seconds: 100,
  history: readGanHistory([
    ...Array.from({ length: 40 }, (_, i) => round(i + 1)),
    { type: 'evaluation', step: 40, diversity: 0.87, memorising: 0.1 },
    { type: 'sample', step: 20, path: 'samples/step-20.png' },
    { type: 'sample', step: 40, path: 'samples/step-40.png' },
  ]),
  configuration: { generatorWidth: 32 },
  data: { pictures: '1,234' },
  engine: { name: 'cpu', library: 'onnxruntime-node 1.30.0', platform: 'linux-x64 avx512', threads: 2 },
  hardware: { processor: 'a processor' },
  lineage: { seed: 7 },
  commands: { paint: 'atelier generate image --model runs/flowers' },
  sheets: new Map([[40, Uint8Array.of(137, 80, 78, 71)]]),
}

describe('renderGanReport', () => {
  it('shows the duel, its curves, and the sheets that are there', () => {
    const page = renderGanReport(report)
    for (const text of ['flowers', '87 %', '1.2 M', '800,000', '1,234', 'onnxruntime-node 1.30.0'])
      expect(page).toContain(text)
    for (const title of ['Losses', 'Logits', 'Real ahead', 'Diversity', 'Gradient norms', 'Penalties', 'Augmentation'])
      expect(page).toContain(`<h3>${title}</h3>`)
    expect(page).toContain('<img src="data:image/png;base64,iVBORw==" alt="Samples after round 40">')
    expect(page.match(/<img /g)).toHaveLength(1)
    expect(page).not.toContain('Warnings')
    expect(page).not.toMatch(/NaN|Infinity|undefined/)
  })

  it('needs no network: what it loads, it holds', () => {
    const page = renderGanReport(report)
    expect(page).not.toMatch(/https?:|@import|url\(|<link/)
    expect([...page.matchAll(/\bsrc="([^"]{11})/g)].map(([, start]) => start)).toEqual(['data:image/'])
    expect(page).toContain('img-src data:; base-uri')
  })

  it('says what went wrong, and escapes what the run’s files say', () => {
    const hostile = `"'><script>alert(1)</script>`
    const history = readGanHistory([
      { ...round(1), generatorLoss: null },
      { type: 'warning', step: 1, kind: hostile, text: hostile },
      { type: 'sample', step: 1, path: hostile },
    ])
    const page = renderGanReport({ ...report, name: hostile, history, sheets: new Map() })
    expect(page).toContain('<h3>Warnings</h3>')
    expect(page.match(/<script/g)).toHaveLength(1)
    expect(page.split(escapeHtml(hostile)).length - 1).toBe(2 + 2)
    expect(page).toContain('No samples were painted')
    expect(page).not.toContain('NaN')
  })

  it('shows the penalty of a Wasserstein critic, and a run that has only begun', () => {
    const history = readGanHistory([{ ...round(1), r1: undefined, r2: undefined, gradientPenalty: 0.3 }])
    expect(renderGanReport({ ...report, history })).toContain('<h3>Gradient penalty</h3>')
    expect(renderGanReport({ ...report, history: readGanHistory([]) })).toContain('Nothing was recorded.')
  })

  it('thins out many sheets, keeps the first and the last', () => {
    const samples = Array.from({ length: 100 }, (_, i) => ({ type: 'sample', step: i + 1, path: 'x' }))
    const sheets = new Map(samples.map(({ step }) => [step, Uint8Array.of(1)]))
    const page = renderGanReport({ ...report, history: readGanHistory(samples), sheets })
    expect(page.match(/<img /g)).toHaveLength(mostSheets)
    for (const step of [1, 100]) expect(page).toContain(`Samples after round ${step}"`)
  })
})
