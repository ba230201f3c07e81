import { z } from 'zod'
import { corrupt, quote, type TokenizerJson } from './tokenizer-json.ts'

/** Ids with, for each, which of two texts it belongs to. */
export interface Framed {
  readonly ids: Int32Array
  /** 0 or 1, as BERT's segment embeddings take them. */
  readonly typeIds: Int32Array
}

/** A part of a template: the first or second text, or tokens put beside them. */
interface Slot {
  readonly ids: 'A' | 'B' | readonly number[]
  readonly type: number
}

/**
 * What a model expects around its texts, as the `post_processor` of `tokenizer.json` has it: BERT's
 * `[CLS] A [SEP] B [SEP]` (Devlin et al. 2019, section 3), T5's `A </s>`, Llama's `<s> A`; or nothing.
 */
export class Template {
  readonly #single: readonly Slot[]
  readonly #pair: readonly Slot[]

  constructor(single: readonly Slot[], pair: readonly Slot[]) {
    this.#single = single
    this.#pair = pair
  }

  /** Puts the template's tokens around the ids of one text or of two. */
  frame(first: ArrayLike<number>, second?: ArrayLike<number>): Framed {
    const slots = second === undefined ? this.#single : this.#pair
    const parts = slots.map(({ ids, type }) => ({
      ids: ids === 'A' ? first : ids === 'B' ? (second ?? []) : ids,
      type,
    }))
    const size = parts.reduce((sum, { ids }) => sum + ids.length, 0)
    const framed = { ids: new Int32Array(size), typeIds: new Int32Array(size) }
    let at = 0
    for (const { ids, type } of parts) {
      framed.ids.set(ids, at)
      framed.typeIds.fill(type, at, at + ids.length)
      at += ids.length
    }
    return framed
  }

  /** The token before one text; undefined if there is none. */
  get firstId(): number | undefined {
    const ids = this.#single[0]?.ids
    return typeof ids === 'string' ? undefined : ids?.[0]
  }
}

const first: Slot = { ids: 'A', type: 0 }
const plain = new Template([first], [first, { ids: 'B', type: 1 }])

const id = z.int().min(0)
const slotSchema = z.union([
  z.object({ SpecialToken: z.object({ id: z.string(), type_id: id.default(0) }) }),
  z.object({ Sequence: z.object({ id: z.enum(['A', 'B']), type_id: id.default(0) }) }),
])
const templateSchema = z.looseObject({
  single: z.array(slotSchema),
  pair: z.array(slotSchema),
  special_tokens: z.record(z.string(), z.looseObject({ ids: z.array(id) })),
})
const bertSchema = z.looseObject({ cls: z.tuple([z.string(), id]), sep: z.tuple([z.string(), id]) })
const sequenceSchema = z.looseObject({ processors: z.array(z.looseObject({ type: z.string() })) })

type TemplateJson = z.infer<typeof templateSchema>

/** The template of a `post_processor`. Throws CheckpointError for one that is broken or of an unknown kind. */
export function readTemplate(processor: TokenizerJson['post_processor']): Template {
  switch (processor?.type) {
    case undefined:
    case 'ByteLevel':
      return plain
    case 'Sequence':
      return (
        parse(sequenceSchema, processor)
          .processors.map(readTemplate)
          .find((one) => one !== plain) ?? plain
      )
    case 'TemplateProcessing':
      return templateOf(parse(templateSchema, processor))
    case 'BertProcessing':
    case 'RobertaProcessing':
      return bertTemplate(parse(bertSchema, processor), processor.type === 'BertProcessing' ? 1 : 0)
    default:
      throw corrupt(`its post-processor ${quote(processor?.type)} is of no known kind`)
  }
}

function parse<T>(schema: z.ZodType<T>, processor: object): T {
  const result = schema.safeParse(processor)
  if (result.success) return result.data
  const { path = [], message = '' } = result.error.issues[0] ?? {}
  throw corrupt(`post_processor.${path.join('.')}: ${message}`)
}

function templateOf({ single, pair, special_tokens: special }: TemplateJson): Template {
  const slots = (list: TemplateJson['single']) =>
    list.map((slot): Slot => {
      if ('Sequence' in slot) return { ids: slot.Sequence.id, type: slot.Sequence.type_id }
      const name = slot.SpecialToken.id
      const ids = Object.hasOwn(special, name) ? special[name]?.ids : undefined
      if (ids === undefined) throw corrupt(`its post-processor lacks the special token ${quote(name)}`)
      return { ids, type: slot.SpecialToken.type_id }
    })
  return new Template(slots(single), slots(pair))
}

/** RoBERTa has two separators between texts, and one type for both. */
function bertTemplate({ cls: [, cls], sep: [, sep] }: z.infer<typeof bertSchema>, secondType: number): Template {
  const begin: Slot[] = [{ ids: [cls], type: 0 }, first, { ids: [sep], type: 0 }]
  const between: Slot[] = secondType === 0 ? [{ ids: [sep], type: 0 }] : []
  return new Template(begin, [...begin, ...between, { ids: 'B', type: secondType }, { ids: [sep], type: secondType }])
}
