import { z } from 'zod'

const id = z.union([z.number().int().nonnegative(), z.array(z.number().int()).nonempty(), z.null()]).optional()

/** The keys of `config.json` that name a text's beginning and end, an id or several. */
export const tokenIdKeys = { bos_token_id: id, eos_token_id: id }

/** Settings from those keys: of several ids the first, nothing for null. */
export function tokenIds(config: { bos_token_id?: unknown; eos_token_id?: unknown }) {
  const first = (value: unknown) => (Array.isArray(value) ? value[0] : value) as number | null | undefined
  const [bos, eos] = [first(config.bos_token_id), first(config.eos_token_id)]
  return { ...(bos == null ? {} : { bosTokenId: bos }), ...(eos == null ? {} : { eosTokenId: eos }) }
}
