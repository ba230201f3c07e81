import type { Tokenizer } from '../data/tokenizers/index.ts'
import type { CausalArchitecture } from '../models/architecture.ts'
import type { DeviceBuffer, Engine } from '../runtime/engine.ts'
import { CachedModel } from '../sample/cached-model.ts'
import { complete } from '../sample/complete.ts'
import { promptIds } from './prompt.ts'

const sampleTokens = 160

/** Lets a model in training write, with the weights where they are: the same step of the same run writes the same text. */
export async function writeSample(
  engine: Engine,
  architecture: CausalArchitecture,
  buffers: Readonly<Record<string, DeviceBuffer>>,
  tokenizer: Tokenizer,
  { prompt, seed }: { readonly prompt: string; readonly seed: number },
  step: number,
): Promise<{ prompt: string; text: string }> {
  const ids = promptIds(tokenizer, prompt)
  return { prompt, text: await writeFrom(engine, architecture, buffers, tokenizer, { ids, seed, ends: [] }, step) }
}

/** The same from ids; `ends` end a text as the tokenizer's own token for that does. */
export async function writeFrom(
  engine: Engine,
  architecture: CausalArchitecture,
  buffers: Readonly<Record<string, DeviceBuffer>>,
  tokenizer: Tokenizer,
  { ids, seed, ends }: { readonly ids: readonly number[]; readonly seed: number; readonly ends: readonly number[] },
  step: number,
): Promise<string> {
  const model = await CachedModel.create(engine, architecture, { buffers })
  try {
    const maxTokens = Math.min(sampleTokens, model.contextLength - 1)
    const endOfText = tokenizer.eos === undefined ? [...ends] : [tokenizer.eos, ...ends]
    const [first] = await complete(
      model,
      [ids.slice(-model.contextLength + 1)],
      { maxTokens, seed: seedAt(seed, step) },
      { endOfText },
    )
    return tokenizer.decode(first?.ids ?? [], { skipSpecial: true })
  } finally {
    await model.release()
  }
}

/** seed + step, beginning again at 0 after 2^53 − 1. */
function seedAt(seed: number, step: number): number {
  const left = Number.MAX_SAFE_INTEGER - seed
  return step <= left ? seed + step : step - left - 1
}
