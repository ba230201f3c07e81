import { hiddenIn, Masker, maskedBatch } from '../../src/data/masking.ts'
import { pairBatch } from '../../src/data/pairs.ts'
import { reshape } from '../../src/graph/operations/shape.ts'
import { input, type Tensor } from '../../src/graph/tensor.ts'
import { tokenLoss } from '../../src/losses/token-loss.ts'
import { Bert } from '../../src/models/bert.ts'
import { T5 } from '../../src/models/t5.ts'
import type { Scope } from '../../src/nn/parameters.ts'
import { Random } from '../../src/random/random.ts'
import type { Feeds } from '../../src/train/trainer.ts'

/** What both sides train: a model, a batch of random ids that is seen again and again, and the loss of it. */
export interface TransformersTask {
  readonly architecture: { readonly scope: Scope; readonly config: Readonly<Record<string, unknown>> }
  readonly loss: Tensor
  readonly batch: Feeds
  /** The same batch as arguments of the forward call in transformers. */
  readonly arguments: Readonly<Record<string, readonly (readonly number[])[]>>
  /** Tokens that a step sees, none of them padding. */
  readonly tokens: number
}

/** `data` as rows of `width`. */
function rowsOf(data: ArrayLike<number>, width: number): number[][] {
  return Array.from({ length: data.length / width }, (_, row) =>
    Array.from({ length: width }, (_, column) => data[row * width + column]!),
  )
}

/** What transformers passes over in labels. */
const ignored = -100

/** BERT-mini (Turc et al. 2019), 32 texts of 128 tokens with 15 % hidden, as `atelier train text` hides them. */
export function bertTask(): TransformersTask {
  const [B, T, V] = [32, 128, 30_522]
  const [classify, separate, mask] = [101, 102, 103]
  const sizes = { vocabSize: V, contextLength: T, dModel: 256, nLayers: 4, nHeads: 4, dFf: 1024, tokenTypes: 2 }
  const architecture = new Bert({ ...sizes, dropout: 0, tieEmbeddings: true, normEpsilon: 1e-12, padTokenId: 0 })
  const random = Random.seed(1).split('texts')
  const special = new Uint8Array(V).fill(1, 0, 1000)
  const options = { share: 0.15, wholeWords: false, mask, special, beginsWord: new Uint8Array(V).fill(1) }
  const masker = new Masker(options)
  const texts = Array.from({ length: B }, () =>
    masker.hide(
      Int32Array.from({ length: T }, (_, t) =>
        t === 0 ? classify : t === T - 1 ? separate : 1000 + random.integer(V - 1000),
      ),
      random,
    ),
  )
  const K = hiddenIn(T - 2, options.share)
  const batch = maskedBatch(texts, { batchSize: B, contextLength: T, blanks: K }, 0)
  const labels = new Int32Array(B * T).fill(ignored)
  for (const [i, place] of batch.places.entries()) labels[place] = batch.targets[i]!
  const logits = architecture.logits({
    ids: input('ids', 'int32', [B, T]),
    mask: input('mask', 'int32', [B, T]),
    places: input('places', 'int32', [B * K]),
  })
  const targets = { targets: input('targets', 'int32', [B * K]), weights: input('weights', 'float32', [B * K]) }
  return {
    architecture,
    loss: tokenLoss(logits, targets),
    batch: { ...batch },
    arguments: { input_ids: rowsOf(batch.ids, T), attention_mask: rowsOf(batch.mask, T), labels: rowsOf(labels, T) },
    tokens: B * T,
  }
}

/** T5-mini (Tay et al. 2022, as google/t5-efficient-mini), 16 pairs of 128 tokens to read and 32 to write. */
export function t5Task(): TransformersTask {
  const [B, S, T, V] = [16, 128, 32, 32_128]
  const ids = { padTokenId: 0, eosTokenId: 1, startTokenId: 0 }
  const sizes = { vocabSize: V, contextLength: 512, dModel: 384, nEncoderLayers: 4, nLayers: 4, nHeads: 8, dHead: 64 }
  const kind = { dFf: 1536, gated: false, tieEmbeddings: true, buckets: 32, maxDistance: 128 }
  const architecture = new T5({ ...sizes, ...kind, ...ids, dropout: 0, normEpsilon: 1e-6 })
  const random = Random.seed(1).split('pairs')
  const text = (length: number) =>
    Int32Array.from({ length }, (_, t) => (t === length - 1 ? ids.eosTokenId : 2 + random.integer(V - 2)))
  const pairs = Array.from({ length: B }, () => ({ source: text(S), target: text(T) }))
  const batch = pairBatch(pairs, { batchSize: B, sourceLength: S, targetLength: T }, { pad: 0, start: 0 })
  const source = { ids: input('source', 'int32', [B, S]), mask: input('sourceMask', 'int32', [B, S]) }
  const logits = architecture.logits(source, input('written', 'int32', [B, T]))
  const targets = { targets: input('targets', 'int32', [B * T]), weights: input('weights', 'float32', [B * T]) }
  return {
    architecture,
    loss: tokenLoss(reshape(logits, [B * T, V]), targets),
    batch: { ...batch },
    arguments: {
      input_ids: rowsOf(batch.source, S),
      attention_mask: rowsOf(batch.sourceMask, S),
      labels: rowsOf(batch.targets, T),
    },
    tokens: B * (S + T),
  }
}
