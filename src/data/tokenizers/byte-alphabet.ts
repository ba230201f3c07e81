/**
 * The 256 bytes in the order of GPT-2's vocabulary: first those that print as a Latin-1 character (33 to 126,
 * 161 to 172, 174 to 255), then the rest, ascending.
 */
export const gpt2ByteOrder: readonly number[] = orderBytes()

/** How `tokenizer.json` spells each byte as one character (Radford et al. 2019): itself, or U+0100 onwards. */
export const byteToChar: readonly string[] = spellBytes()

const charToByte = new Map(byteToChar.map((char, byte) => [char, byte]))

function isPrintable(byte: number): boolean {
  return (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174
}

function orderBytes(): number[] {
  const bytes = Array.from({ length: 256 }, (_, byte) => byte)
  return [...bytes.filter(isPrintable), ...bytes.filter((byte) => !isPrintable(byte))]
}

function spellBytes(): string[] {
  const chars: string[] = []
  let next = 256
  for (const byte of gpt2ByteOrder) chars[byte] = String.fromCharCode(isPrintable(byte) ? byte : next++)
  return chars
}

/** The bytes of a byte-level token such as `Ġthe`; undefined if a character spells no byte. */
export function bytesOfPiece(piece: string): Uint8Array | undefined {
  const bytes = new Uint8Array(piece.length)
  for (let i = 0; i < piece.length; i++) {
    const byte = charToByte.get(piece[i]!)
    if (byte === undefined) return undefined
    bytes[i] = byte
  }
  return bytes
}
