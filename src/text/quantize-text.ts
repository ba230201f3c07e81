import { existsSync } from 'node:fs'
import { writeTokenizer } from '../data/tokenizers/folder.ts'
import { CheckpointError, ConfigError } from '../errors.ts'
import { writeFolderAtomic } from '../files/atomic-write.ts'
import { filesIn } from '../files/files-in.ts'
import { resolveModelFolder } from '../files/gallery-folder.ts'
import { isAdapter } from '../models/adapter.ts'
import { saveQuantized } from '../models/checkpoint.ts'
import { quantizeWeights } from '../models/quantized-weights.ts'
import { takeGuardAlong } from './guard-text.ts'
import { corpusOf, textFor } from './measured-text.ts'
import { measureLoss } from './measures/next.ts'
import { openingOf } from './prompt.ts'
import { TextModel } from './text-model.ts'

/** How to put a model in few bits. */
export interface QuantizeTextOptions {
  /** Bits of the matrices in layers; those outside of them get 8. */
  readonly bits: 4 | 8
  /** Folder of the new model, which must not be there yet. */
  readonly out: string
  /** Text to measure on instead of the run's held-out text; needed where there is no run. */
  readonly data?: readonly string[]
  /** Field of JSON, CSV and Parquet that holds the text; `text` by default. */
  readonly field?: string
  readonly threads?: number
  readonly signal?: AbortSignal
  /** Hears of batches measured, of all of both models. */
  readonly onProgress?: (progress: { readonly done: number; readonly total: number }) => void
}

/** What a model is before or after. */
export interface QuantizeFigures {
  readonly bitsPerByte: number
  readonly validationLoss: number
  /** Written one after the other, one text at a time. */
  readonly tokensPerSecond: number
  /** Of the files that hold weights. */
  readonly bytes: number
}

/** What {@link quantizeText} tells. */
export interface QuantizeResult {
  readonly out: string
  readonly bits: 4 | 8
  readonly matrices: number
  readonly before: QuantizeFigures
  readonly after: QuantizeFigures
}

/**
 * Writes a model in few bits: a folder that is loaded as any other, and computes with them. Measures both on the same
 * text, by the kernels that decode.
 *
 * Throws CheckpointError for the folder, DataError for the text, ConfigError for a model that can't be or is in few
 * bits already; an abort throws its reason.
 */
export async function quantizeText(named: string, options: QuantizeTextOptions): Promise<QuantizeResult> {
  const { bits, out, data, field, signal } = options
  if (existsSync(out)) throw new ConfigError(`quantize: ${out} is there already; choose another --out`, { out })
  const folder = resolveModelFolder(named)
  if (isAdapter(folder))
    throw new ConfigError(`quantize: ${folder} is an adapter; make one model of it and its base: atelier merge`, {
      folder,
    })
  const engine = options.threads ? { threads: options.threads } : {}
  const model = await TextModel.load(folder, engine)
  const corpus = await corpusOf(folder)
  try {
    const { architecture, quantized, metadata } = model.loaded
    if (Object.keys(quantized).length > 0)
      throw new ConfigError(`quantize: ${folder} is in few bits already; name the model that it was made of`, {
        folder,
      })
    const mixed = quantizeWeights(architecture, await model.weights(), bits)
    const text = await textFor(model, corpus, { ...(data ? { data } : {}), ...(field ? { field } : {}) })
    const figures = async (of: TextModel, part: 0 | 1): Promise<QuantizeFigures> => {
      const { bitsPerByte, validationLoss } = await measureLoss(
        of,
        text,
        corpus && of.loaded.architecture.dimensions.contextLength,
        {
          ...engine,
          ...(signal ? { signal } : {}),
          onProgress: ({ done, total }) => options.onProgress?.({ done: done + part * total, total: 2 * total }),
        },
      )
      const prompt = openingOf(of.tokenizer, corpus?.statistics.documents ?? 2)
      return { bitsPerByte, validationLoss, tokensPerSecond: await speedOf(of, prompt), bytes: await bytesOf(of) }
    }
    const before = await figures(model, 0)
    signal?.throwIfAborted()
    await writeFolderAtomic(
      out,
      async (temporary) => {
        await writeTokenizer(temporary, model.tokenizer, architecture.dimensions.contextLength)
        await saveQuantized(temporary, architecture, mixed, { bits, metadata })
        await takeGuardAlong(folder, temporary)
      },
      CheckpointError,
    )
    const small = await TextModel.load(out, engine)
    try {
      return { out, bits, matrices: Object.keys(mixed.quantized).length, before, after: await figures(small, 1) }
    } finally {
      await small.release()
    }
  } finally {
    corpus?.close()
    await model.release()
  }
}

/** Tokens that a speed is measured over, and texts that they may take. */
const speedTokens = 256
const mostTexts = 16

async function speedOf(model: TextModel, prompt: string): Promise<number> {
  await model.complete([prompt], { maxTokens: 8, seed: 0 }) // the first run takes memory
  const begin = performance.now()
  let tokens = 0
  for (let seed = 0; tokens < speedTokens && seed < mostTexts; seed++) {
    const [made] = await model.complete([prompt], { maxTokens: speedTokens - tokens, seed })
    tokens += made!.tokens
  }
  return (tokens / (performance.now() - begin)) * 1000
}

async function bytesOf({ folder }: TextModel): Promise<number> {
  const weights = (await filesIn(folder)).filter(({ name }) => /^model.*\.safetensors$/.test(name))
  return weights.reduce((sum, { bytes }) => sum + bytes, 0)
}
