import { isUtf8 } from 'node:buffer'
import { DataError } from '../../errors.ts'
import type { ByteStream } from '../../files/read-bytes.ts'

/**
 * Decodes UTF-8 strictly: drops a byte-order mark, keeps every other character. Throws `DataError` with the file and
 * the byte for what is not UTF-8, for UTF-16, and for NUL bytes, which no text holds.
 */
export async function* decodeUtf8(bytes: ByteStream, name: string): AsyncGenerator<string> {
  let kept = Buffer.alloc(0)
  let offset = 0
  let begun = false
  for await (const chunk of bytes) {
    let data = kept.length === 0 ? asBuffer(chunk) : Buffer.concat([kept, chunk])
    if (!begun && data.length < 3) {
      kept = Buffer.from(data)
      continue
    }
    if (!begun) offset = markLength(data, name)
    if (!begun) data = data.subarray(offset)
    begun = true
    const whole = data.length - unfinishedLength(data)
    kept = Buffer.from(data.subarray(whole))
    yield decodeWhole(data.subarray(0, whole), offset, name)
    offset += whole
  }
  if (!begun) offset = markLength(kept, name)
  if (kept.length > 0) yield decodeWhole(kept, offset, name)
}

/** Whether a stream is UTF-8 text throughout. */
export async function isText(bytes: ByteStream): Promise<boolean> {
  try {
    for await (const _ of decodeUtf8(bytes, ''));
    return true
  } catch (error) {
    if (error instanceof DataError && 'byte' in error.details) return false
    throw error
  }
}

/**
 * Throws `DataError` for text out of JSON, CSV or Parquet that is no text: lone surrogates, NUL. `where` is the file
 * and the row.
 */
export function checkText(text: string, where: string): string {
  if (/[\0\p{Surrogate}]/u.test(text)) {
    throw new DataError(`read ${where}: its text holds NUL or half a surrogate pair; repair or remove it`, { where })
  }
  return text
}

function decodeWhole(bytes: Buffer, offset: number, name: string): string {
  const nul = bytes.indexOf(0)
  if (nul >= 0) {
    const byte = offset + nul
    const remedy = 'is it binary or UTF-16? name text files only, or convert it: iconv -f UTF-16 -t UTF-8'
    throw new DataError(`read ${name}: NUL at byte ${byte}, wanted text; ${remedy}`, { path: name, byte })
  }
  if (isUtf8(bytes)) return bytes.toString('utf8')
  const at = firstInvalid(bytes)
  const byte = offset + at
  const found = `0x${bytes[at]!.toString(16).padStart(2, '0')}`
  const remedy = 'is it text? convert it, for instance: iconv -f WINDOWS-1252 -t UTF-8'
  throw new DataError(`read ${name}: byte ${byte} (${found}) is not UTF-8; ${remedy}`, { path: name, byte })
}

function markLength(start: Buffer, name: string): number {
  const mark = start.subarray(0, 2).toString('hex')
  if (mark === 'fffe' || mark === 'feff') {
    const order = mark === 'fffe' ? 'LE' : 'BE'
    const remedy = `convert it: iconv -f UTF-16 -t UTF-8 FILE > NEW`
    throw new DataError(`read ${name}: got UTF-16${order}, wanted UTF-8; ${remedy}`, { path: name, byte: 0 })
  }
  return start.subarray(0, 3).toString('hex') === 'efbbbf' ? 3 : 0
}

/** Bytes at the end that begin a character whose rest has not come yet: 0 to 3. */
function unfinishedLength(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!
    if ((byte & 0xc0) === 0x80) continue
    return characterLength(byte) > back ? back : 0
  }
  return 0
}

/** Where the first character that is not sound begins. */
function firstInvalid(bytes: Buffer): number {
  for (let at = 0; at < bytes.length; ) {
    const length = characterLength(bytes[at]!)
    if (!isUtf8(bytes.subarray(at, at + length))) return at
    at += length
  }
  return bytes.length
}

function characterLength(lead: number): number {
  return lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : lead >= 0xc0 ? 2 : 1
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
