/**
 * The lines of French verse that is printed like prose, where capitals begin lines: the division whose lines have
 * nearest to twelve, ten, eight or seven syllables. Nothing for a text that has no such division into two lines or
 * more; the first and the last line may be parts.
 */
export function versesOf(text: string): string[] | undefined {
  const words = text.split(' ')
  const begins = words.flatMap((word, i) => (i > 0 && /^["«]?\p{Lu}/u.test(word) ? [i] : []))
  const places = [0, ...begins, words.length]
  const best: { cost: number; lines: readonly string[] }[] = [{ cost: 0, lines: [] }]
  for (let to = 1; to < places.length; to++) {
    for (let from = 0; from < to; from++) {
      const line = words.slice(places[from], places[to]).join(' ')
      const isPart = from === 0 || to === places.length - 1
      const before = best[from]!
      const breaksOff = to < places.length - 1 && unfinished.test(line)
      const cost = before.cost + costOf(syllables(line), isPart) + (breaksOff ? 3 : 0)
      if (best[to] === undefined || cost < best[to]!.cost) best[to] = { cost, lines: [...before.lines, line] }
    }
  }
  const { cost, lines } = best.at(-1)!
  const isVerse = lines.length >= 2 && cost / lines.length <= 0.75 && lines.some((line) => syllables(line) > 6)
  return isVerse ? [...lines] : undefined
}

/** A line that leads on to a name, which no verse ends with. */
const unfinished = /(^| )(à|de|du|des|le|la|les|un|une|en|et|au|aux|par|pour|mon|ma|son|sa|ce|cet|cette|que)$/i

/** How far a line is from verse: 0 for a usual length, a syllable off 1, more the square. */
function costOf(count: number, isPart: boolean): number {
  const off = Math.min(...[12, 10, 8, 7].map((length) => Math.abs(count - length)))
  const cost = off <= 1 ? off * 0.75 : off * off
  return isPart && count >= 3 && count < 12 ? Math.min(cost, 1) : cost
}

/**
 * Syllables of a line as verse counts them, about: a mute e counts before a consonant, not before a vowel nor at the
 * line's end. Vowels side by side count once, which diaeresis does not.
 */
export function syllables(line: string): number {
  const words = line
    .toLowerCase()
    .replace(/['’]/g, '')
    .split(/[^\p{L}]+/u)
    .filter((word) => word !== '')
  return words.reduce((sum, word, i) => sum + syllablesOf(word, words[i + 1]), 0)
}

const vowel = 'aeiouyàâäéèêëîïôöùûüœæ'
const groups = new RegExp(`[${vowel}]+`, 'g')

function syllablesOf(word: string, next: string | undefined): number {
  const spoken = word.replace(/([qg])u(?=[eéèêiî])/g, '$1')
  const count = spoken.match(groups)?.length ?? 0
  const ending = /(?<=.*[aeiouyàâéèêîôûœ].*)e(s|nt)?$/.exec(spoken)
  if (!ending) return Math.max(count, spoken.length > 1 ? 1 : 0)
  const afterVowel = new RegExp(`[${vowel}]e(s|nt)?$`).test(spoken)
  const isHeard = next !== undefined && (ending[1] !== undefined || !new RegExp(`^[h${vowel}]`).test(next))
  return isHeard || afterVowel ? count : count - 1
}
