import type { SamplerSettings } from '../settings.ts'

/** ln Σ exp in the plainest way. */
export function logSumExp(values: readonly number[]): number {
  const greatest = Math.max(...values)
  return greatest + Math.log(values.reduce((sum, value) => sum + Math.exp(value - greatest), 0))
}

/** Probabilities of logits. */
export function softmax(logits: readonly number[]): number[] {
  const normalizer = logSumExp(logits)
  return logits.map((logit) => Math.exp(logit - normalizer))
}

type Warping = Pick<SamplerSettings, 'temperature' | 'topK' | 'topP' | 'minP' | 'typicalP'>

/** The distribution that temperature and warpers leave, by full sorts of whole rows: slow, and plain to check. */
export function warpedProbabilities(logits: readonly number[], settings: Warping): number[] {
  const { temperature, topK, topP, minP, typicalP } = settings
  let row = logits.map((logit) => logit / temperature)
  if (topK > 0) row = keepFirst(row, ranked(row, (id) => row[id]!).slice(0, topK))
  if (topP < 1)
    row = keepFirst(
      row,
      prefix(row, (id) => row[id]!, topP),
    )
  if (minP > 0) {
    const p = softmax(row)
    row = row.map((value, id) => (p[id]! < minP * Math.max(...p) * (1 - 1e-12) ? -Infinity : value))
  }
  if (typicalP < 1) {
    const p = softmax(row)
    const entropy = p.reduce((sum, value) => sum - (value > 0 ? value * Math.log(value) : 0), 0)
    row = keepFirst(
      row,
      prefix(row, (id) => -Math.abs(-Math.log(p[id]!) - entropy), typicalP),
    )
  }
  return softmax(row)
}

/** Ids that are not forbidden, greatest key first, of equals the lower id. */
function ranked(row: readonly number[], key: (id: number) => number): number[] {
  const ids = row.flatMap((value, id) => (value > -Infinity ? [id] : []))
  return ids.sort((a, b) => key(b) - key(a) || a - b)
}

/** The shortest run of ranked ids whose probabilities reach `mass`. */
function prefix(row: readonly number[], key: (id: number) => number, mass: number): number[] {
  const p = softmax(row)
  const order = ranked(row, key)
  let sum = 0
  const end = order.findIndex((id) => {
    sum += p[id]!
    return sum >= mass
  })
  return end < 0 ? order : order.slice(0, end + 1)
}

function keepFirst(row: readonly number[], ids: readonly number[]): number[] {
  const kept = new Set(ids)
  return row.map((value, id) => (kept.has(id) ? value : -Infinity))
}
