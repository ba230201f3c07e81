import { countSequentialBatches, sequentialWindows, type WindowShape } from '../../data/windows.ts'
import { bootstrapInterval, ratio, type Weighed } from '../../evaluate/bootstrap.ts'
import { bitsPerByte, perplexity } from '../../evaluate/likelihood.ts'
import { Random } from '../../random/random.ts'
import { HeldOutLoss } from '../../train/held-out.ts'
import type { EvaluateTextOptions } from '../evaluate-text.ts'
import { type MeasuredText, stretchesOf, textFor } from '../measured-text.ts'
import { openingOf } from '../prompt.ts'
import type { TextModel } from '../text-model.ts'
import { type NextFigures, onEngine, settingsOf, sourceOf, type TextMeasure } from './measure.ts'

/** The loss of each next token, over all of the text. */
export const nextMeasure: TextMeasure = {
  name: 'next',
  does: 'the loss of each next token',
  families: ['causal'],
  takes: ['samples'],
  async measure(subject) {
    const { model, run, options } = subject
    const text = await textFor(model, run?.corpus, options)
    const prompt = openingOf(model.tokenizer, run?.corpus.statistics.documents ?? 2)
    return {
      figures: await measureLoss(model, text, settingsOf(subject)?.contextLength, options),
      writing: {
        prompts: (count) => new Array(count).fill(prompt),
        baseline: (_, lengths) => stretchesOf(text, model.tokenizer, lengths),
      },
    }
  },
}

/** The longest window where the model is not one that was trained here. */
const longestWindow = 1024
/** Tokens and logits of a batch, for speed and for memory. */
const batchTokens = 2048
const batchLogits = 1 << 25

function windowsFor({ loaded }: TextModel, window = longestWindow): WindowShape {
  const { contextLength: most, vocabSize } = loaded.architecture.dimensions
  const contextLength = Math.min(most, window)
  const fitting = Math.min(batchTokens / contextLength, batchLogits / (contextLength * vocabSize))
  return { contextLength, batchSize: Math.max(1, Math.floor(fitting)) }
}

/** The loss of a model on a text, in windows of so many predictions: a run's are those that it learned in. */
export async function measureLoss(
  model: TextModel,
  text: MeasuredText,
  window: number | undefined,
  options: EvaluateTextOptions,
): Promise<NextFigures> {
  const shape = windowsFor(model, window)
  const { ids, bytes, documents } = text
  const total = countSequentialBatches(ids, shape)
  const { architecture, quantized } = model.loaded
  /** A batch's sum of losses, nats, over its predictions. */
  const parts: Weighed[] = []
  const validationLoss = await onEngine(options, await model.weights(), async (engine, buffers) => {
    const heldOut = await HeldOutLoss.create(engine, architecture, shape, quantized)
    return heldOut.mean(buffers, sequentialWindows(ids, shape), (done, { loss }, predictions) => {
      options.signal?.throwIfAborted()
      parts.push({ value: loss!, weight: predictions })
      options.onProgress?.({ stage: 'loss', done, total })
    })
  })
  const inBits = (some: readonly Weighed[]) => bitsPerByte(ratio(some), ids.tokens, bytes)
  return {
    task: 'next',
    validationLoss,
    perplexity: perplexity(validationLoss),
    bitsPerByte: bitsPerByte(validationLoss, ids.tokens, bytes),
    bitsPerByteInterval: bootstrapInterval(parts, inBits, Random.seed(0).split('bits per byte')),
    text: { source: sourceOf(options), tokens: ids.tokens, bytes, documents, windowLength: shape.contextLength },
  }
}
