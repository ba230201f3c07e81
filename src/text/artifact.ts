import { z } from 'zod'
import type { SamplerSettings } from '../sample/settings.ts'

const engineSchema = z.object({
  name: z.enum(['cpu', 'cuda', 'wasm', 'webgpu']),
  library: z.string(),
  platform: z.string(),
  threads: z.number().int().min(1).max(4096),
})

/** The form of an artifact's record, for reading it back: it is untrusted. */
export const artifactSchema = z.object({
  format: z.literal('atelier-artifact-1'),
  kind: z.literal('text'),
  text: z.string(),
  prompt: z.string(),
  /** All prompts of the call, where there were several: `row` counts over them. */
  prompts: z.array(z.string()).optional(),
  tokens: z.number().int().nonnegative(),
  ids: z.array(z.number().int().nonnegative()),
  promptIds: z.array(z.number().int().nonnegative()),
  /** There where the prompt was written by the model's chat template, after what `system` said. */
  chat: z.object({ system: z.string().optional() }).optional(),
  seed: z.number().int().nonnegative(),
  /** Which of the texts made together it is, counted from 0. */
  row: z.number().int().nonnegative(),
  finishReason: z.enum(['stop', 'length', 'endOfText', 'aborted', 'complete']),
  logProbability: z.number(),
  logProbabilities: z.array(z.number()).optional(),
  top: z
    .array(z.array(z.object({ id: z.number(), logProbability: z.number(), token: z.string().optional() })))
    .optional(),
  /** Who guessed ids ahead, and how many guesses were made and accepted. */
  speculation: z
    .object({
      lookup: z.number().int().min(1).optional(),
      draft: z.object({ path: z.string(), digest: z.string() }).optional(),
      guessed: z.number().int().nonnegative(),
      accepted: z.number().int().nonnegative(),
    })
    .optional(),
  settings: z.record(z.string(), z.unknown()),
  model: z.object({
    path: z.string(),
    digest: z.string(),
    architecture: z.string(),
    dataDigest: z.string().optional(),
    /** Digest of the copy guard that it was written under. */
    guard: z.string().optional(),
  }),
  engine: engineSchema,
  atelier: z.string(),
  /** Watermarks and manifests that it bears. */
  marks: z.array(z.unknown()),
})

/**
 * What was generated, with how: enough to make it again, bit for bit, on the same library,
 * instruction set and number of threads.
 */
export type TextArtifact = Omit<z.infer<typeof artifactSchema>, 'settings'> & { readonly settings: SamplerSettings }
