import { describe, expect, test } from 'vitest'
import { syllables, versesOf } from '../recipes/texts/french-verse.ts'

describe('French verse', () => {
  test.each([
    ['Je le vis, je rougis, je pâlis à sa vue', 12],
    ["Un trouble s'éleva dans mon âme éperdue", 12],
    ['Si quelquefois un vrai discours', 8],
    ['La seconde commère', 6],
  ])('%s has %i syllables', (line, count) => {
    expect(syllables(line)).toBe(count)
  })

  test('verse printed like prose falls into its lines', () => {
    const lines = [
      "Vous m'aimez dès longtemps ; une égale tendresse",
      "Pour vous depuis longtemps m'afflige et m'intéresse.",
    ]
    expect(versesOf(lines.join(' '))).toEqual(lines)
  })

  test('a name begins no line', () => {
    expect(
      versesOf("Et puisqu'aucun soupçon ne dit rien à Phocas, Soyez encor son fils et ne vous montrez pas."),
    ).toEqual(["Et puisqu'aucun soupçon ne dit rien à Phocas,", 'Soyez encor son fils et ne vous montrez pas.'])
  })

  test('prose has no lines, whatever begins with a capital', () => {
    expect(versesOf('Je retournerai quelque jour en Provence, que j’aime, avec Madame de Grignan.')).toBeUndefined()
    expect(versesOf('Je me porte très bien de ma petite médecine ; toutes mes amies m’ont gardée.')).toBeUndefined()
  })
})
