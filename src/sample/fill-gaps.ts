import { ConfigError } from '../errors.ts'
import { Random } from '../random/random.ts'
import { createCandidates } from './candidates.ts'
import type { FinishReason, GenerateOptions, GenerationEvent } from './generation.ts'
import { createHistory } from './history.ts'
import { likeliest, logNormalizer } from './log-probabilities.ts'
import { type ChooseId, type FilledText, gibbs, maskPredict } from './mask-predict.ts'
import type { MaskedModel } from './masked-model.ts'
import { Sampler } from './sampler.ts'
import { defaultSamplerSettings, type SamplerSettings } from './settings.ts'

/** What {@link fillGaps} needs beside the settings. */
export interface FillGapsOptions extends Pick<GenerateOptions, 'signal' | 'firstRow'> {
  /** The id that stands for a gap. */
  readonly mask: number
  /** Ids that never fill one. */
  readonly special: readonly number[]
  /** The whole text of ids. */
  spell(ids: Int32Array): string
}

/** Settings that mean nothing where a text is not written from its beginning to its end. */
const ofContinuations = [
  ...([
    'beams',
    'lengthPenalty',
    'earlyStopping',
    'beamGroups',
    'diversity',
    'noRepeatNgram',
    'minTokens',
    'stop',
    'allowCopies',
  ] as const),
  ...(['regex', 'jsonSchema', 'grammar'] as const),
  ...(['dryMultiplier', 'dryBase', 'dryAllowedLength', 'drySequenceBreakers'] as const),
]

/**
 * Fills the gaps of each prompt `n` times: by mask-predict in `fillRounds` rounds, or by `gibbsSweeps` of Gibbs
 * sampling. A token event a gap, in order of places, and the whole text at the end. What is chosen follows the
 * sampler's settings, the text before a gap taken as what was written so far. Throws {@link ConfigError} for settings
 * of continuations.
 */
export async function* fillGaps(
  model: MaskedModel,
  prompts: readonly (readonly number[])[],
  settings: SamplerSettings,
  options: FillGapsOptions,
): AsyncGenerator<GenerationEvent> {
  refuseUnusable('fill gaps in texts', settings, ofContinuations)
  const streams = Random.seed(settings.seed).split('sample')
  for (const [index, prompt] of prompts.entries()) {
    for (let continuation = 0; continuation < settings.n; continuation++) {
      const row = (options.firstRow ?? 0) + index * settings.n + continuation
      if (options.signal?.aborted) yield { type: 'finish', row, reason: 'aborted', text: '' }
      else yield* fillOne(model, prompt, row, streams.at(row), settings, options)
    }
  }
}

async function* fillOne(
  model: MaskedModel,
  prompt: readonly number[],
  row: number,
  random: Random,
  settings: SamplerSettings,
  { mask, special, spell, signal }: FillGapsOptions,
): AsyncGenerator<GenerationEvent> {
  const ids = Int32Array.from(prompt)
  const places = prompt.flatMap((id, place) => (id === mask ? [place] : []))
  const sampler = new Sampler(settings, { vocabSize: model.vocabSize, capacity: model.contextLength })
  const choose: ChooseId = (logits, place, text) => {
    const before = [...text.subarray(0, place)].filter((id) => id !== mask)
    const history = { ...createHistory(before, text.length), promptLength: 0 }
    return sampler.choose(logits, { row, step: place, history }, random)
  }
  const how = { special, choose, signal }
  const filling =
    settings.gibbsSweeps > 0
      ? gibbs(model, ids, places, { ...how, sweeps: settings.gibbsSweeps, random })
      : maskPredict(model, ids, places, { ...how, rounds: settings.fillRounds })
  const filled = await filling.catch((error: unknown) => {
    if (signal?.aborted && error === signal.reason) return undefined
    throw error
  })
  if (!filled) return yield { type: 'finish', row, reason: 'aborted', text: '' }
  yield* tokenEvents(filled, places, row, settings.topLogProbabilities)
  const reason: FinishReason = 'complete'
  yield { type: 'finish', row, reason, text: spell(filled.ids) }
}

function* tokenEvents(
  { ids, logProbabilities, logits }: FilledText,
  places: readonly number[],
  row: number,
  alternatives: number,
): Generator<GenerationEvent> {
  const room = alternatives > 0 ? createCandidates(logits[0]?.length ?? 1) : undefined
  for (const [i, place] of places.entries()) {
    const of = logits[i]!
    const top = room && { top: likeliest(of, logNormalizer(of, { row, step: place }), alternatives, room) }
    yield { type: 'token', row, id: ids[place]!, logProbability: logProbabilities[i]!, ...top }
  }
}

/** Throws {@link ConfigError} for the first of `names` that is not at its default. */
export function refuseUnusable(
  does: string,
  settings: SamplerSettings,
  names: readonly (keyof SamplerSettings)[],
): void {
  const wrong = names.find((name) => JSON.stringify(settings[name]) !== JSON.stringify(defaultSamplerSettings[name]))
  if (wrong === undefined) return
  throw new ConfigError(`sampler settings: ${wrong} means nothing to models that ${does}; leave it out`, {
    name: wrong,
  })
}
