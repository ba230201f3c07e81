import { countWords, type Tokenizer, trainBpe } from '../data/tokenizers/index.ts'
import { ConfigError } from '../errors.ts'
import type { Conditioning } from '../models/gan.ts'
import { captionTokens, plainCaption } from './caption-tokens.ts'
import type { ImageCorpus, ImageSet } from './data/image-corpus.ts'

/** What pictures are to be asked for by; `auto` is words where there are captions, else classes where there are some. */
export type AskedCondition = 'auto' | 'none' | 'class' | 'text'

/** Throws {@link ConfigError} that says what the pictures lack. */
export function resolveCondition(asked: AskedCondition, corpus: ImageCorpus): Conditioning['kind'] {
  const { classes, captioned } = corpus
  if (asked === 'auto') return captioned ? 'text' : classes.length > 1 ? 'class' : 'none'
  if (asked === 'class' && classes.length < 2)
    throw new ConfigError(
      `condition: the pictures have ${classes.length === 1 ? 'one class' : 'no classes'}, wanted two or more; ` +
        'put them into a folder a class, or leave --condition out',
      { condition: asked },
    )
  if (asked === 'text' && !captioned)
    throw new ConfigError(
      'condition: the pictures have no captions; put a .txt beside each, or a metadata.jsonl, or leave --condition out',
      { condition: asked },
    )
  return asked
}

/** A byte-level BPE of at most `vocabSize` tokens, learned from the captions of the pictures that are learned from. */
export function trainCaptionTokenizer({ train }: ImageCorpus, vocabSize: number): Tokenizer {
  return trainBpe(countWords(captionsOf(train)), { vocabSize })
}

function* captionsOf(set: ImageSet): Generator<string> {
  for (let i = 0; i < set.length; i++) for (const caption of set.captions(i)) yield plainCaption(caption)
}

/**
 * What asks for the pictures of a set: rows of `width` int32, as the networks take them. `choose` picks one of several
 * captions by how many there are.
 */
export interface Conditions {
  readonly width: number
  of(set: ImageSet, index: number, choose: (count: number) => number): Int32Array
  /** The row that asks for nothing in particular. */
  readonly nothing: Int32Array
}

/** Conditions of a kind; undefined where pictures are not asked for by anything. */
export function conditionsFor(conditioning: Conditioning, tokenizer: Tokenizer | undefined): Conditions | undefined {
  if (conditioning.kind === 'class') {
    const nothing = Int32Array.of(conditioning.nClasses)
    const of = (set: ImageSet, index: number) => {
      const label = set.labels?.[index] ?? -1
      return label < 0 ? nothing : Int32Array.of(label)
    }
    return { width: 1, nothing, of }
  }
  if (conditioning.kind === 'none' || !tokenizer) return undefined
  const { maxTokens } = conditioning
  const nothing = new Int32Array(maxTokens)
  const known = new Map<string, Int32Array>()
  const encoded = (caption: string) => {
    const ids = known.get(caption) ?? captionTokens(tokenizer, caption, maxTokens).ids
    if (known.size < 100_000) known.set(caption, ids)
    return ids
  }
  const of = (set: ImageSet, index: number, choose: (count: number) => number) => {
    const captions = set.captions(index)
    return captions.length === 0 ? nothing : encoded(captions[choose(captions.length)]!)
  }
  return { width: maxTokens, nothing, of }
}
