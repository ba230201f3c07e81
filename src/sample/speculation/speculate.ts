import type { CausalModel } from '../causal-model.ts'
import { type Continuation, contextOf, endsBefore, samplerOf, take } from '../continuation.ts'
import type { GenerateOptions, GenerationEvent, Speculation } from '../generation.ts'
import { logNormalizer } from '../log-probabilities.ts'
import type { SamplerSettings } from '../settings.ts'
import { DraftGuesser } from './draft.ts'
import { type Guesser, judge } from './guess.ts'
import { lookup } from './lookup.ts'

const usualLength = 4

/**
 * Writes one continuation by guesses that the model checks several at once: a run for the last id and k guesses gives
 * 1 to k + 1 ids, each distributed as if drawn alone, by the settings and hooks, whatever the guesses. At temperature 0
 * the ids are those of plain decoding. Leviathan et al. 2023, algorithm 1.
 *
 * Id s takes draw s of three streams, one to judge the guess, one to draw another, one for the draft.
 */
export async function* speculate(
  model: CausalModel,
  row: Continuation,
  settings: SamplerSettings,
  options: GenerateOptions,
  speculation: Speculation,
): AsyncGenerator<GenerationEvent, void, undefined> {
  const { history, limit } = row
  const { vocabSize } = model
  const sampler = samplerOf(model, limit, settings, options)
  const [accept, redraw] = [row.random.split('accept'), row.random.split('redraw')]
  const longest = 'lookup' in speculation ? speculation.lookup : (speculation.length ?? usualLength)
  const counts = { guessed: 0, accepted: 0 }
  const state = await model.open({ batch: 1, capacity: limit })
  let guesser: Guesser | undefined
  try {
    guesser = await guesserOf(row, settings, options, speculation)
    if (history.length > 1) await state.append([Array.from(history.ids.subarray(0, history.length - 1))])
    while (!row.finished) {
      const guesses = await guesser.guess(history, Math.max(0, Math.min(longest, limit - history.length - 1)))
      const fed = [history.ids[history.length - 1] as number, ...guesses.map(({ id }) => id)]
      const logits = await state.score(0, fed)
      for (const at of fed.keys()) {
        const isOver = yield* counted(endsBefore(row, options), counts)
        if (isOver) break
        const own = logits.subarray(at * vocabSize, (at + 1) * vocabSize)
        const context = contextOf(row)
        const normalizer = logNormalizer(own, context)
        for (const stream of [accept, redraw, row.random]) stream.counter = context.step
        const guess = guesses[at]
        const id = guess
          ? judge(guess, sampler.narrowed(own, context), accept, redraw)
          : sampler.choose(own, context, row.random)
        if (guess) counts.guessed++
        if (id === guess?.id) counts.accepted++
        yield* counted(take(row, { id, logits: own, normalizer }, sampler, settings, options), counts)
        if (row.finished || id !== guess?.id) break
      }
      state.truncate(0, Math.min(state.lengths[0]!, history.length - 1))
    }
  } finally {
    guesser?.release()
    state.release()
  }
}

function guesserOf(
  { row, random, limit }: Continuation,
  settings: SamplerSettings,
  options: GenerateOptions,
  speculation: Speculation,
): Promise<Guesser> {
  if ('lookup' in speculation) return Promise.resolve(lookup)
  const { hooks: _, endOfText = [], ...rest } = options
  const sampler = samplerOf(speculation.draft, limit, settings, rest)
  return DraftGuesser.open(speculation.draft, { sampler, random: random.split('draft'), row, limit, endOfText })
}

/** The same events, the last with what the guesses came to. */
function* counted<T>(
  events: Generator<GenerationEvent, T, undefined>,
  counts: { guessed: number; accepted: number },
): Generator<GenerationEvent, T, undefined> {
  for (;;) {
    const { done, value } = events.next()
    if (done) return value
    yield value.type === 'finish' ? { ...value, guesses: { ...counts } } : value
  }
}
