import { basename } from 'node:path'
import { portableModelFolder } from '../files/gallery-folder.ts'
import type { EngineName } from '../runtime/engine.ts'
import { type CardFacts, cardFacts, samplesOnCard, type TrainingFacts } from '../train/card-facts.ts'
import { runExists } from '../train/run-record.ts'
import type { TextEvaluation } from './evaluate-text.ts'
import { type From, type RunRecord, readRun } from './run.ts'
import { TextModel } from './text-model.ts'

/** What {@link textCard} cannot find out by itself. */
export interface CardOptions {
  /** Folder of the weights that the card is for, where it is not the run's own. */
  readonly folder?: string
  /** What the samples begin from, in turn; by default what the run or its evaluation began from. */
  readonly prompts?: readonly string[]
  /** Tokens of a sample at most, 120 by default. */
  readonly maxTokens?: number
  /** What they are written on. */
  readonly engine?: EngineName
  readonly threads?: number
  readonly signal?: AbortSignal
  readonly onProgress?: (done: number, total: number) => void
}

/** What users of a model that writes should know of it; a run's `card.json`. */
export interface TextCard extends CardFacts, Pick<RunRecord, 'task'> {
  /** The model that it was begun from: `gallery/NAME`, or the name of its folder; what training it took, where it is a run. */
  readonly from?: From & { readonly training?: TrainingFacts }
  readonly evaluation: TextEvaluation
  /** One of each seed from 0 on, none left out. */
  readonly samples: readonly { readonly seed: number; readonly prompt: string; readonly text: string }[]
}

/** Gathers the card of a run that was evaluated, and lets the model write its samples. Throws CheckpointError. */
export async function textCard(run: string, evaluation: TextEvaluation, options: CardOptions = {}): Promise<TextCard> {
  const record = await readRun(run)
  const { task, from } = record
  const folder = options.folder ?? run
  return {
    ...(await cardFacts(run, record, folder)),
    task,
    ...(from ? { from: await begunFrom(from) } : {}),
    evaluation,
    samples: await samplesOf(options.prompts ?? promptsOf(record, evaluation), folder, options),
  }
}

async function begunFrom({ path, ...from }: From): Promise<NonNullable<TextCard['from']>> {
  const [portable, isRun] = [portableModelFolder(path), await runExists(path)]
  const training = isRun ? (await cardFacts(path, await readRun(path), path)).training : undefined
  return { path: portable === path ? basename(path) : portable, ...from, ...(training ? { training } : {}) }
}

/** What the run was given to begin from, else what its evaluation began from, where that was one text. */
function promptsOf({ prompt }: RunRecord, evaluation: TextEvaluation): string[] {
  const first = prompt || ('samples' in evaluation && evaluation.samples?.prompt)
  return first ? [first] : []
}

async function samplesOf(
  prompts: readonly string[],
  folder: string,
  { maxTokens = 120, engine, threads, signal, onProgress }: CardOptions,
): Promise<TextCard['samples']> {
  const asked = Array.from(
    { length: prompts.length > 0 ? samplesOnCard : 0 },
    (_, seed) => prompts[seed % prompts.length]!,
  )
  if (asked.length === 0) return []
  const model = await TextModel.load(folder, { ...(engine ? { engine } : {}), ...(threads ? { threads } : {}) })
  try {
    const samples: { seed: number; prompt: string; text: string }[] = []
    for (const [seed, one] of asked.entries()) {
      const [artifact] = await model.complete([one], { seed, maxTokens }, signal ? { signal } : {})
      signal?.throwIfAborted()
      samples.push({ seed, prompt: one, text: artifact!.text })
      onProgress?.(samples.length, asked.length)
    }
    return samples
  } finally {
    await model.release()
  }
}
