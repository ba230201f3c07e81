import { textFor } from '../measured-text.ts'
import { heldOutSpans, spansFor } from '../tasks/denoise.ts'
import { type Subject, settingsOf, sourceOf, spread, type TextMeasure } from './measure.ts'
import { pairFigures } from './pair-figures.ts'

/** The likelihood of what is taken out of windows of the text. */
export const denoiseMeasure: TextMeasure = {
  name: 'denoise',
  does: 'the likelihood of spans taken out of the text',
  families: ['sequenceToSequence'],
  takes: ['limit'],
  async measure(subject) {
    const { model, run, options } = subject
    const { tokenizer } = model
    const text = await textFor(model, run?.corpus, options)
    const { batchSize, ...spans } = spansOf(subject)
    const all = [...heldOutSpans(text.ids, batchSize, spansFor(tokenizer, spans))].flat()
    const special = new Set(tokenizer.specialIds)
    const bytesOf = (ids: Int32Array) =>
      ids.reduce((sum, id) => sum + (special.has(id) ? 0 : tokenizer.bytesOf(id).length), 0)
    const pairs = spread(all.length, options.limit ?? all.length).map((index) => {
      return { ...all[index]!, bytes: bytesOf(all[index]!.target) }
    })
    const { sizes, ...figures } = await pairFigures(model, pairs, options)
    const about = { source: sourceOf(options), ...sizes, documents: text.documents, of: all.length }
    return { figures: { ...figures, task: 'denoise', text: about } }
  },
}

/** What T5 was trained on: Raffel et al. 2020, section 3.1. */
const published = { share: 0.15, meanSpan: 3, contextLength: 512, batchSize: 1 }

/** As the run learned it, in the same batches, so that the same spans come out. */
function spansOf(subject: Subject): typeof published {
  const settings = settingsOf(subject)
  return settings ? { ...settings, share: settings.hiddenShare } : published
}
