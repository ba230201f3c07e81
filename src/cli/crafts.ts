import type { Craft } from './craft.ts'
import { imageEvaluation } from './evaluate-image.ts'
import { textEvaluation } from './evaluate-text.ts'
import { addGenerateImage } from './generate-image.ts'
import { addGenerateText } from './generate-text.ts'
import { inspectImage } from './inspect-image.ts'
import { inspectText } from './inspect-text.ts'
import { remakeImage } from './remake-image.ts'
import { remakeText } from './remake-text.ts'
import { addTrainImage } from './train-image.ts'
import { addTrainText } from './train-text.ts'

/** The crafts: another is one more row. The first takes models' folders that no other owns. */
export const crafts: readonly Craft[] = [
  {
    name: 'text',
    train: addTrainText,
    generate: addGenerateText,
    evaluate: textEvaluation,
    inspect: inspectText,
    remake: remakeText,
  },
  {
    name: 'image',
    train: addTrainImage,
    generate: addGenerateImage,
    evaluate: imageEvaluation,
    owns: async (config) => (await import('../models/gan-checkpoint.ts')).isGanConfig(config),
    inspect: inspectImage,
    remake: remakeImage,
  },
]
