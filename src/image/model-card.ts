import type { EngineName } from '../runtime/engine.ts'
import { type CardFacts, cardFacts, samplesOnCard } from '../train/card-facts.ts'
import { captionTokens, plainCaption } from './caption-tokens.ts'
import type { ImageEvaluation } from './evaluate-image.ts'
import { ImageModel } from './image-model.ts'
import { corpusOfRun } from './measured-pictures.ts'
import type { Pictures } from './render/canvas.ts'
import { encodeGrid } from './render/encode.ts'
import { readImageRun } from './run.ts'

/** What {@link imageCard} cannot find out by itself. */
export interface ImageCardOptions {
  /** Folder of the weights that the card is for, where it is not the run's own. */
  readonly folder?: string
  /** What the samples are asked for by, in turn: by default what held-out pictures are called, or each class. */
  readonly asked?: readonly string[]
  readonly engine?: EngineName
  readonly threads?: number
}

/** What users of a model that paints should know of it; a run's `card.json`. */
export interface ImageCard extends CardFacts {
  readonly evaluation: ImageEvaluation
  /** One picture of each seed from 0 on, none left out, in the order of their sheet; what each was asked for. */
  readonly samples: readonly { readonly seed: number; readonly prompt?: string; readonly class?: string }[]
}

/** A card, with its samples on a sheet (PNG). */
export interface PaintedCard {
  readonly card: ImageCard
  readonly sheet: Uint8Array
}

/**
 * Gathers the card of a run that was evaluated, and lets the model paint its samples. Throws CheckpointError, ConfigError
 * for what is asked for.
 */
export async function imageCard(
  run: string,
  evaluation: ImageEvaluation,
  options: ImageCardOptions = {},
): Promise<PaintedCard> {
  const { folder = run, engine, threads } = options
  const facts = await cardFacts(run, await readImageRun(run), folder)
  const model = await ImageModel.load(folder, { ...(engine ? { engine } : {}), ...(threads ? { threads } : {}) })
  try {
    const { samples, pictures } = await paintSamples(model, options.asked ?? (await captionsOf(run, model)))
    return { card: { ...facts, evaluation, samples }, sheet: await encodeGrid(pictures, { scale: 3, columns: 8 }) }
  } finally {
    await model.release()
  }
}

/** Of a model that takes words, those of the run's held-out pictures that are not too many for it; none where they are gone. */
async function captionsOf(run: string, { loaded, tokenizer }: ImageModel): Promise<string[]> {
  const { conditioning } = loaded.gan.config
  if (conditioning.kind !== 'text' || !tokenizer) return []
  const corpus = await corpusOfRun(run)
  if (!corpus) return []
  const { heldOut } = corpus
  const all = Array.from({ length: heldOut.length }, (_, i) => heldOut.captions(i)[0] ?? '')
  corpus.close()
  const fits = (caption: string) =>
    plainCaption(caption) !== '' && !captionTokens(tokenizer, caption, conditioning.maxTokens).cut
  return all.filter(fits).slice(0, samplesOnCard)
}

/** A picture of each seed. */
async function paintSamples(model: ImageModel, asked: readonly string[]) {
  const { kind } = model.loaded.gan.config.conditioning
  const conditions = model.conditions(
    asked.length === 0 ? {} : kind === 'class' ? { className: asked } : { prompt: asked },
  )
  const samples: ImageCard['samples'][number][] = []
  const parts: Pictures[] = []
  for (let seed = 0; seed < samplesOnCard; seed++) {
    const { prompt, class: named } = conditions[seed % conditions.length]!
    const ask = named ? { className: named.index } : prompt === undefined ? {} : { prompt }
    parts.push((await model.generate({ seed, ...ask })).pictures)
    samples.push({ seed, ...(prompt === undefined ? {} : { prompt }), ...(named ? { class: named.name } : {}) })
  }
  return { samples, pictures: joined(parts) }
}

function joined(parts: readonly Pictures[]): Pictures {
  const each = parts[0]!.pixels.length
  const pixels = new Uint8Array(each * parts.length)
  for (const [i, part] of parts.entries()) pixels.set(part.pixels, i * each)
  return { ...parts[0]!, pixels }
}
