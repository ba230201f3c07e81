import { readFile } from 'node:fs/promises'
import { getDataset } from '../../src/data/catalog.ts'

/** What {@link scenes} is made of, for a card. */
export const playSources = ["tinyshakespeare: parts of William Shakespeare's plays"]

/** Characters of a piece at most, but for its last speech. */
const pieceLength = 2000

/**
 * Pieces of plays, speech by speech: who speaks, in capitals and with a colon, then lines; speeches are parted by an
 * empty line, as the grammar `play` has them.
 */
export async function scenes(): Promise<{ text: string }[]> {
  const plays = await readFile((await getDataset('tinyshakespeare'))[0]!, 'utf8')
  const pieces: string[][] = [[]]
  let length = 0
  for (const speech of plays.split('\n\n').map(withSpeaker)) {
    if (speech === undefined) continue
    if (length > pieceLength) {
      pieces.push([])
      length = 0
    }
    pieces.at(-1)!.push(speech)
    length += speech.length
  }
  return pieces.map((speeches) => ({ text: speeches.join('\n\n') }))
}

/** A speech with its speaker in capitals; nothing for what nobody says. */
function withSpeaker(speech: string): string | undefined {
  const [first = '', ...lines] = speech.trim().split('\n')
  if (!first.endsWith(':') || lines.length === 0) return undefined
  return [first.toUpperCase(), ...lines.map((line) => line.trim())].join('\n')
}
