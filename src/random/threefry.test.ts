import { describe, expect, it } from 'vitest'
import { threefry2x32 } from './threefry.ts'

function encipher(key: [number, number], counter: [number, number]): string {
  const out = new Uint32Array(2)
  threefry2x32(...key, ...counter, out)
  return [...out].map((word) => word.toString(16).padStart(8, '0')).join(' ')
}

describe('threefry2x32', () => {
  // The known answers of the Random123 distribution for threefry2x32 with 20 rounds.
  it('gives the published answers', () => {
    expect(encipher([0, 0], [0, 0])).toBe('6b200159 99ba4efe')
    expect(encipher([0xffffffff, 0xffffffff], [0xffffffff, 0xffffffff])).toBe('1cb996fc bb002be7')
    expect(encipher([0x13198a2e, 0x03707344], [0x243f6a88, 0x85a308d3])).toBe('c4923a9c 483df7a0')
  })

  it('takes int32 words with the same bits', () => {
    expect(encipher([-1, -1], [-1, -1])).toBe('1cb996fc bb002be7')
  })

  it('changes about half of the output bits when one counter bit changes', () => {
    const a = new Uint32Array(2)
    const b = new Uint32Array(2)
    let changed = 0
    for (let counter = 0; counter < 1000; counter++) {
      threefry2x32(7, 9, counter, 0, a)
      threefry2x32(7, 9, counter ^ 16, 0, b)
      for (let word = 0; word < 2; word++) {
        changed += countBits((a[word] as number) ^ (b[word] as number))
      }
    }
    expect(Math.abs(changed / 64_000 - 0.5)).toBeLessThan(0.015)
  })
})

function countBits(word: number): number {
  let count = 0
  for (let rest = word >>> 0; rest > 0; rest = Math.floor(rest / 2)) count += rest % 2
  return count
}
