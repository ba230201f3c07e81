import type { Command } from 'commander'
import { numberOption, textOption } from './options.ts'
export function addEvaluate(parent: Command): void {
  void parent
  void numberOption
  void textOption
}
