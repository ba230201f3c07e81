import { z } from 'zod'
import type { RopeScaling } from '../nn/rotary-tables.ts'

const positive = z.number().positive()
const size = z.number().int().positive()

/** Rotary positions turn whole heads here, or say nothing. */
const wholeHeads = z.literal(1).nullish()

/** A description of rotary angles by its `rope_type`, which older files call `type`. */
function ropeSchema<T extends z.ZodRawShape>(more: T) {
  const usual = z.object({ ...more, rope_type: z.literal('default') })
  const linear = z.object({ ...more, rope_type: z.literal('linear'), factor: positive })
  const llama3 = z.object({
    ...more,
    rope_type: z.literal('llama3'),
    factor: positive,
    low_freq_factor: positive,
    high_freq_factor: positive,
    original_max_position_embeddings: size,
  })
  return z.preprocess(withType, z.discriminatedUnion('rope_type', [usual, linear, llama3]))
}

function withType(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const { type = 'default' } = value as { type?: unknown }
  return { rope_type: type, ...value }
}

/**
 * The keys of `config.json` that say how positions are rotated: `rope_theta` and `rope_scaling`, or, since
 * transformers 5, `rope_parameters`. What would rotate otherwise is refused by its key.
 */
export const ropeKeys = {
  rope_theta: positive.optional(),
  rope_scaling: ropeSchema({}).nullish(),
  rope_parameters: ropeSchema({ rope_theta: positive, partial_rotary_factor: wholeHeads }).nullish(),
  partial_rotary_factor: wholeHeads,
}

type Rope = z.infer<z.ZodObject<typeof ropeKeys>>

/** Settings from those keys; the base is 10,000 where none is given. */
export function readRope(config: Rope): { readonly ropeTheta: number; readonly ropeScaling?: RopeScaling } {
  const scaling = scalingOf(config.rope_parameters ?? config.rope_scaling)
  const ropeTheta = config.rope_parameters?.rope_theta ?? config.rope_theta ?? 10_000
  return { ropeTheta, ...(scaling ? { ropeScaling: scaling } : {}) }
}

function scalingOf(rope: Rope['rope_scaling']): RopeScaling | undefined {
  if (rope?.rope_type === 'linear') return { kind: 'linear', factor: rope.factor }
  if (rope?.rope_type !== 'llama3') return undefined
  return {
    kind: 'llama3',
    factor: rope.factor,
    lowFrequency: rope.low_freq_factor,
    highFrequency: rope.high_freq_factor,
    originalContext: rope.original_max_position_embeddings,
  }
}

/** The same in the older keys, which every version of transformers reads. */
export function writeRope(theta: number, scaling: RopeScaling | undefined): Record<string, unknown> {
  if (!scaling) return { rope_theta: theta, rope_scaling: null }
  const { kind, factor } = scaling
  if (kind === 'linear') return { rope_theta: theta, rope_scaling: { rope_type: kind, factor } }
  const { lowFrequency, highFrequency, originalContext } = scaling
  const rest = { low_freq_factor: lowFrequency, high_freq_factor: highFrequency }
  const rope_scaling = { rope_type: kind, factor, ...rest, original_max_position_embeddings: originalContext }
  return { rope_theta: theta, rope_scaling }
}
