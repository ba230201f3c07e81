import { z } from 'zod'

const count = z.number().int().nonnegative()

/** The form of a picture's record, for reading it back: it is untrusted. */
export const imageArtifactSchema = z.object({
  format: z.literal('atelier-artifact-1'),
  kind: z.literal('image'),
  seed: count,
  /** Which of the pictures of its seed and call it is, counted from 0. */
  index: count,
  /** Words that it was asked for by. */
  prompt: z.string().optional(),
  /** The class that it was asked for by. */
  class: z.object({ index: count, name: z.string() }).optional(),
  settings: z.object({ truncation: z.number().optional(), guidance: z.number().optional() }),
  /** The latent, where it is not the one that seed, index and truncation give: found for a picture, or on a way. */
  latent: z.array(z.number()).min(1).max(65536).optional(),
  /** Of an animation: the latents on whose closed way its frames stand. */
  loop: z
    .object({ stops: z.array(z.array(z.number()).min(1).max(65536)).min(2).max(1024), frames: count.max(65536) })
    .optional(),
  /** Of a reconstruction: of which picture, and how far from it in the end. */
  projection: z
    .object({ of: z.string(), pixels: z.string(), distance: z.number(), steps: count, starts: count })
    .optional(),
  /** Name of the file that it was written to, beside the record. */
  file: z.string().optional(),
  imageSize: count,
  channels: z.union([z.literal(1), z.literal(3), z.literal(4)]),
  /** SHA-256 of the pixels, uint8 [channels, imageSize, imageSize], frame after frame. */
  pixels: z.string(),
  model: z.object({
    /** Its folder, or `gallery/NAME` for one that comes with the package. */
    path: z.string(),
    digest: z.string(),
    architecture: z.string(),
    dataDigest: z.string().optional(),
  }),
  engine: z.object({
    name: z.enum(['cpu', 'cuda', 'wasm', 'webgpu']),
    library: z.string(),
    platform: z.string(),
    threads: z.number().int().min(1).max(4096),
  }),
  atelier: z.string(),
  /** Watermarks and manifests that it bears. */
  marks: z.array(z.unknown()),
})

/**
 * What was painted, with how: enough to paint it again, bit for bit, on the same library, instruction set and number of
 * threads.
 */
export type ImageArtifact = z.infer<typeof imageArtifactSchema>
