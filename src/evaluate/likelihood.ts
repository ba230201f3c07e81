import { DataError } from '../errors.ts'

/** Perplexity = e^loss, of a mean loss in nats a token. */
export function perplexity(lossNats: number): number {
  return Math.exp(lossNats)
}

/**
 * bits per byte = loss · tokens / (ln 2 · bytes): a mean loss in nats a token, made comparable between
 * tokenizers (Gao et al., "The Pile", 2020). `bytes` are those of the predicted text in UTF-8.
 * Throws {@link DataError} if there are none.
 */
export function bitsPerByte(lossNats: number, tokens: number, bytes: number): number {
  if (!(bytes > 0)) throw new DataError(`bits per byte: got ${bytes} bytes, wanted text; is the held-out part empty?`)
  return (lossNats * tokens) / (Math.LN2 * bytes)
}
