import type { History } from './history.ts'

/** Changes one row of logits, `[vocabSize]`, in place, in view of what came before. */
export type LogitsProcessor = (logits: Float32Array, history: History) => void

/** Adds `bias[id]` to the logit of `id`; −100 all but forbids, 100 all but forces (OpenAI's `logit_bias`). */
export function logitBias(bias: Readonly<Record<string, number>>): LogitsProcessor {
  const entries = Object.entries(bias).map(([id, value]) => [Number(id), value] as const)
  return (logits) => {
    for (const [id, value] of entries) logits[id] = (logits[id] as number) + value
  }
}

/** Forbids the ids that end a text until `minTokens` have followed the prompt (Hugging Face's `min_new_tokens`). */
export function noEndBefore(minTokens: number, endOfText: readonly number[]): LogitsProcessor {
  return (logits, { length, promptLength }) => {
    if (length - promptLength < minTokens) for (const id of endOfText) logits[id] = Number.NEGATIVE_INFINITY
  }
}

/**
 * Divides positive and multiplies negative logits of every id in prompt and continuation by `penalty`, once an id.
 * Keskar et al. 2019, "CTRL", section 4.1, with Hugging Face's treatment of negative logits.
 */
export function repetitionPenalty(penalty: number, vocabSize: number): LogitsProcessor {
  const seen = new Uint8Array(vocabSize)
  return (logits, { ids, length }) => {
    seen.fill(0)
    for (let at = 0; at < length; at++) {
      const id = ids[at] as number
      if (seen[id] === 1) continue
      seen[id] = 1
      const logit = logits[id] as number
      logits[id] = logit < 0 ? logit * penalty : logit / penalty
    }
  }
}

/**
 * Takes `presence` + `frequency` × count off the logit of every id that the continuation holds, count times.
 * OpenAI's definition; the prompt doesn't count, as in vLLM.
 */
export function countPenalties(presence: number, frequency: number, vocabSize: number): LogitsProcessor {
  const counts = new Int32Array(vocabSize)
  return (logits, { ids, length, promptLength }) => {
    counts.fill(0)
    for (let at = promptLength; at < length; at++) counts[ids[at] as number]! += 1
    for (let at = promptLength; at < length; at++) {
      const id = ids[at] as number
      const count = counts[id] as number
      if (count > 0) logits[id] = (logits[id] as number) - presence - frequency * count
      counts[id] = 0
    }
  }
}
