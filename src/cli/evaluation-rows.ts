import type { Interval } from '../evaluate/bootstrap.ts'
import type { SampleMetrics } from '../evaluate/evaluate-samples.ts'
import type { FillFigures, TextFigures } from '../text/measures/measure.ts'
import { count } from './format.ts'

/** What a measure found, for people. */
export function figureRows(found: TextFigures): [string, string][] {
  if (found.task === 'fill') return fillRows(found)
  const loss: [string, string][] = [
    ['loss', `${found.validationLoss.toFixed(4)} nats a token`],
    ['perplexity', found.perplexity.toFixed(2)],
  ]
  if (found.task === 'next') return [...loss, ['bits per byte', withInterval(found.bitsPerByteInterval, 4)]]
  const { pairs, of, cutSources, documents } = found.text
  const tooLong = documents - pairs
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

/** An estimate with its interval, where there is one: a single batch or pair tells nothing of what another would. */
function withInterval({ estimate, low, high }: Interval, digits: number): string {
  const told = estimate.toFixed(digits)
  return low < high ? `${told} (${low.toFixed(digits)} to ${high.toFixed(digits)})` : told
}

function shareOf({ estimate, low, high }: Interval): string {
  return `${percent(estimate)} (${(100 * low).toFixed(1)} to ${(100 * high).toFixed(1)})`
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`
}

/** What is found of a model's texts, that of people's texts in brackets. */
export function sampleRows(
  own: SampleMetrics & { readonly guardedBytes?: number },
  text?: SampleMetrics,
): [string, string][] {
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
    ...row(own.guardedBytes ? 'copied, guarded' : 'copied', (metrics) => metrics.copying?.rate),
  ]
}
