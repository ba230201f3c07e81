import type { CausalModel, DecodingState } from '../causal-model.ts'

/** Options of {@link tableModel}. */
interface TableOptions {
  readonly vocabSize: number
  readonly contextLength?: number
  /** The logits after a sequence of ids. */
  readonly logits: (ids: readonly number[]) => readonly number[]
}

/** A model for tests whose logits are a function of the ids; counts what is open and how long each append was. */
export function tableModel({ vocabSize, contextLength = 64, logits }: TableOptions) {
  const seen = { open: 0, appended: [] as number[][] }
  const model: CausalModel = {
    vocabSize,
    contextLength,
    open: async ({ batch, capacity = contextLength }) => {
      seen.open++
      return stateOf(batch, capacity)
    },
  }
  return { ...model, seen }

  function stateOf(batch: number, capacity: number): DecodingState {
    let rows: number[][] = Array.from({ length: batch }, () => [])
    const out = new Float32Array(batch * vocabSize)
    return {
      batch,
      get lengths() {
        return rows.map((row) => row.length)
      },
      append: async (ids) => {
        seen.appended.push(ids.map((row) => row.length))
        for (const [index, added] of ids.entries()) {
          const row = rows[index]!
          row.push(...added)
          if (row.length > capacity) throw new Error(`row ${index} holds ${row.length} of ${capacity}`)
          const values = added.length > 0 ? logits(row) : new Array<number>(vocabSize).fill(Number.NaN)
          out.set(values, index * vocabSize)
        }
        return out
      },
      score: async (row, added) => {
        seen.appended.push([added.length])
        const held = rows[row]!
        if (held.length + added.length > capacity) throw new Error(`row ${row} holds more than ${capacity}`)
        const found = added.flatMap((id) => {
          held.push(id)
          return [...logits(held)]
        })
        return Float32Array.from(found)
      },
      reorder: async (order) => {
        out.fill(Number.NaN)
        rows = order.map((from) => rows[from]!.slice())
      },
      truncate: (row, length) => {
        rows[row]!.length = length
      },
      release: () => {
        seen.open--
      },
    }
  }
}

/** Logits that depend on the last two ids in a fixed, irregular way. */
export function bigramLogits(vocabSize: number, spread = 2): (ids: readonly number[]) => number[] {
  return (ids) => {
    const [last = 0, before = 0] = [ids.at(-1), ids.at(-2)]
    return Array.from(
      { length: vocabSize },
      (_, id) => spread * Math.sin(1 + 7.3 * id + 3.1 * last + 1.7 * before * id),
    )
  }
}
