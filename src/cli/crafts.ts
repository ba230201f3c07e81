import type { AddCommand } from './command.ts'
import { addGenerateText } from './generate-text.ts'
import { addTrainText } from './train-text.ts'

/** A kind of content: what it adds to `atelier train` and `atelier generate`. */
export interface Craft {
  readonly name: string
  readonly train: AddCommand
  readonly generate: AddCommand
}

/** The crafts: another is one more line. */
export const crafts: readonly Craft[] = [{ name: 'text', train: addTrainText, generate: addGenerateText }]
