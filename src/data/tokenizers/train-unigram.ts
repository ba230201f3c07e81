import { ConfigError } from '../../errors.ts'
import { loadTokenizer } from './load.ts'
import { bytePiece } from './load-unigram.ts'
import { metaspace } from './metaspace.ts'
import { commonJson, specialToken, templateProcessing } from './new-json.ts'
import type { Tokenizer } from './tokenizer.ts'
import type { TokenizerConfigJson, TokenizerJson } from './tokenizer-json.ts'
import { choosePieces, expectCounts, scoresOf } from './unigram-em.ts'
import { keepPieces, type Lattice, layOut, seedLattice, spellingOf } from './unigram-lattice.ts'

export interface TrainUnigramOptions {
  /** Tokens in all: 3 special ones, bytes, pieces, sentinels. The corpus may give fewer. */
  readonly vocabSize: number
  /** Characters that no piece spells become their bytes (the default), else `<unk>`, whose text is lost. */
  readonly byteFallback?: boolean
  /** Sentinels `<extra_id_0>` …, last in the vocabulary as in T5; default 100. */
  readonly sentinels?: number
  /** Fraction of the corpus that the characters in the vocabulary make up, as in SentencePiece; default 0.9995. */
  readonly characterCoverage?: number
  /** Substrings to begin with; default 300,000. */
  readonly seeds?: number
  /** Whether a text is encoded as if a space were before it, as by T5 and Llama; default false: spaces are as they are. */
  readonly prefixSpace?: boolean
  /** Called after each step of EM: pieces that are left, pieces wanted, and the log-likelihood in nats. */
  readonly onProgress?: (progress: UnigramProgress) => void
}

/** How far the training of a Unigram vocabulary is. */
export interface UnigramProgress {
  readonly pieces: number
  readonly wanted: number
  readonly logLikelihood: number
}

const special = ['<pad>', '</s>', '<unk>'] as const

/** Fraction of the pieces that stay in one pruning, as in SentencePiece. */
const shrinking = 0.75

/** Pruning by loss ends at so many times the pieces wanted; the least probable go last. */
const margin = 1.1

/** Steps of EM between prunings. */
const emSteps = 2

/** Characters of runs that are learned from: the rest are rarer runs. */
const mostCharacters = 1 << 22

/**
 * Trains a Unigram vocabulary (Kudo 2018, section 3.2) on the runs that {@link countMetaspaceRuns} counted: from all
 * characters and frequent substrings, EM and pruning in turn.
 *
 * Laid out as T5's: `<pad> </s> <unk>`, bytes, pieces by falling probability, `<extra_id_99>` … `<extra_id_0>`.
 * Departures from SentencePiece (Kudo & Richardson 2018): the M-step is maximum likelihood, not digamma, so that no
 * step loses likelihood; text is in NFC, not NFKC, and blanks stay as they are, so that nothing is lost. With byte
 * fallback printable ASCII is always in the vocabulary. The result depends on the counts alone, not on their order.
 * Throws ConfigError for a vocabulary too small for characters, bytes, special tokens and sentinels.
 */
export function trainUnigram(runCounts: ReadonlyMap<string, number>, options: TrainUnigramOptions): Tokenizer {
  const { vocabSize, byteFallback = true, sentinels = 100, characterCoverage = 0.9995, seeds = 300_000 } = options
  const alphabet = coveringCharacters(runCounts, characterCoverage, byteFallback ? printable : [metaspace])
  const others = special.length + (byteFallback ? 256 : 0) + sentinels
  const wanted = vocabSize - others
  if (!Number.isInteger(wanted) || wanted < alphabet.length) {
    const parts = `${others} special tokens, bytes and sentinels, ${alphabet.length} characters`
    const message = `trainUnigram: vocabulary of ${vocabSize}, wanted ${others + alphabet.length} (${parts}) or more`
    throw new ConfigError(message, { vocabSize })
  }
  const lattice = seedLattice(layOut(coveredRuns(runCounts, new Set(alphabet)), alphabet), seeds)
  const pieces = learn(lattice, wanted, options.onProgress ?? (() => {}))
  return loadTokenizer(unigramJson(pieces, { ...options, byteFallback, sentinels }), unigramConfig)
}

const printable = [metaspace, '\n', '\t', ...Array.from({ length: 94 }, (_, i) => String.fromCharCode(33 + i))]

/** The most frequent characters, until they make up `coverage` of all; with `always`; by code point. */
function coveringCharacters(
  runCounts: ReadonlyMap<string, number>,
  coverage: number,
  always: readonly string[],
): string[] {
  const counts = new Map<string, number>()
  for (const [run, count] of runCounts) for (const char of run) counts.set(char, (counts.get(char) ?? 0) + count)
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
  const chosen = new Set(always)
  let covered = 0
  for (const [char, count] of [...counts].sort(([a, m], [b, n]) => n - m || byCodePoint(a, b))) {
    if (covered >= coverage * total) break
    covered += count
    if (!/\p{Surrogate}/u.test(char)) chosen.add(char)
  }
  return [...chosen].sort(byCodePoint)
}

function byCodePoint(a: string, b: string): number {
  return a.codePointAt(0)! - b.codePointAt(0)!
}

/** The runs between characters that are not in the alphabet, the most frequent first, up to {@link mostCharacters}. */
function coveredRuns(runCounts: ReadonlyMap<string, number>, alphabet: ReadonlySet<string>): [string, number][] {
  const counts = new Map<string, number>()
  for (const [run, count] of runCounts) {
    let open = ''
    for (const char of run) {
      if (alphabet.has(char)) open += char
      else {
        if (open !== '') counts.set(open, (counts.get(open) ?? 0) + count)
        open = ''
      }
    }
    if (open !== '') counts.set(open, (counts.get(open) ?? 0) + count)
  }
  const sorted = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
  let characters = 0
  return sorted.filter(([run]) => {
    characters += run.length
    return characters <= mostCharacters
  })
}

/** A piece and its log-probability. */
type Scored = readonly [piece: string, score: number]

/** EM and pruning in turn, until `wanted` pieces are left; by falling score. */
function learn(seeded: Lattice, wanted: number, onProgress: (progress: UnigramProgress) => void): Scored[] {
  let lattice = seeded
  let scores = scoresOf(lattice.frequencies, lattice.nCharacters)
  const step = () => {
    for (let i = 0; i < emSteps; i++) {
      const { expected, logLikelihood } = expectCounts(lattice, scores)
      onProgress({ pieces: lattice.lengths.length, wanted, logLikelihood })
      scores = scoresOf(expected, lattice.nCharacters)
    }
  }
  const prune = (kept: readonly number[]) => {
    lattice = keepPieces(lattice, kept)
    scores = Float64Array.from(kept, (piece) => scores[piece]!)
  }
  step()
  while (lattice.lengths.length > wanted * margin) {
    const target = Math.max(Math.floor(wanted * margin), Math.floor(lattice.lengths.length * shrinking))
    prune(choosePieces(lattice, scores, target))
    step()
  }
  prune(likeliest(lattice, scores, wanted))
  step()
  const pieces = Array.from(scores, (score, piece): Scored => [spellingOf(lattice, piece), score])
  return pieces
    .filter(([, score]) => score > Number.NEGATIVE_INFINITY)
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
}

/** The characters, and the most probable of the other pieces: `wanted` in all, ascending. */
function likeliest({ nCharacters }: Lattice, scores: Float64Array, wanted: number): number[] {
  const ids = Array.from(scores, (_, piece) => piece)
  const others = ids.slice(nCharacters).sort((a, b) => scores[b]! - scores[a]! || a - b)
  return [...ids.slice(0, nCharacters), ...others.slice(0, wanted - nCharacters).sort((a, b) => a - b)]
}

type Layout = Required<Pick<TrainUnigramOptions, 'byteFallback' | 'sentinels'>> &
  Pick<TrainUnigramOptions, 'prefixSpace'>

function unigramJson(pieces: readonly Scored[], { byteFallback, sentinels, prefixSpace }: Layout): TokenizerJson {
  const split = {
    type: 'Metaspace',
    replacement: metaspace,
    prepend_scheme: prefixSpace ? 'always' : 'never',
    split: true,
  }
  const extra = Array.from({ length: sentinels }, (_, i) => `<extra_id_${sentinels - 1 - i}>`)
  const bytes = byteFallback
    ? Array.from({ length: 256 }, (_, byte): Scored => [bytePiece(byte), byteScore(pieces)])
    : []
  const named = (token: string): Scored => [token, 0]
  const vocab = [...special.map(named), ...bytes, ...pieces, ...extra.map(named)]
  const first = vocab.length - sentinels
  return {
    ...commonJson,
    added_tokens: [...special.map(specialToken), ...extra.map((token, i) => specialToken(token, first + i))],
    pre_tokenizer: split,
    post_processor: templateProcessing('A </s>', 'A </s> B </s>', () => special.indexOf('</s>')),
    decoder: byteFallback ? { type: 'Sequence', decoders: [{ type: 'ByteFallback' }, split] } : split,
    model: { type: 'Unigram', unk_id: special.indexOf('<unk>'), vocab, byte_fallback: byteFallback },
  }
}

/** So little that text which spells `<0x0A>` is spelled by its six characters, not by the byte. */
function byteScore(pieces: readonly Scored[]): number {
  return 6 * pieces.reduce((least, [, score]) => Math.min(least, score), -1) - 1
}

const unigramConfig: TokenizerConfigJson = { eos_token: '</s>', pad_token: '<pad>', unk_token: '<unk>' }
