import { describe, expect, it } from 'vitest'
import type { Feeds } from '../train/trainer.ts'
import type { Conditions } from './conditioning.ts'
import type { ImageSet } from './data/image-corpus.ts'
import { ImageBatches, type ImageBatchesOptions } from './image-batches.ts'

/** Ten pictures of 1 × 2 × 2: number i is (10 i, 10 i + 1, 10 i + 2, 10 i + 3). */
const train: ImageSet = {
  length: 10,
  pixels: (indices) => Uint8Array.from(Array.from(indices).flatMap((i) => [0, 1, 2, 3].map((k) => 10 * i + k))),
  labels: undefined,
  captions: (i) => [`a${i}`, `b${i}`],
  record: (i) => ({ source: `${i}.png` }),
}

/** Asks for picture i by 2 i or 2 i + 1, as the caption is. */
const conditions: Conditions = {
  width: 1,
  nothing: Int32Array.of(-1),
  of: (_, index, choose) => Int32Array.of(2 * index + choose(2)),
}

const make = (change: Partial<ImageBatchesOptions['settings']> = {}, rest: Partial<ImageBatchesOptions> = {}) =>
  new ImageBatches({
    train,
    channels: 1,
    imageSize: 2,
    conditions: undefined,
    settings: { batchSize: 4, latentSize: 3, flip: false, augmentation: 'none', conditionDrop: 0, ...change },
    seed: 7,
    discriminatorSteps: 1,
    ...rest,
  })

/** Which pictures a batch holds, by their first value. */
const numbersOf = ({ real }: Feeds) =>
  Array.from({ length: real!.length / 4 }, (_, i) => Math.floor(Math.round((Number(real![4 * i]) + 1) * 127.5) / 10))
const fed = async (
  batches: ImageBatches,
  round: number,
  player: 'generator' | 'discriminator' = 'discriminator',
  i = 0,
) => (await batches.feeds(round, 0.5)(player, i)) as Feeds

describe('ImageBatches', () => {
  it('shows every picture once an epoch, each epoch in an order of its own', async () => {
    const batches = make()
    const shown: number[] = []
    for (let round = 0; round < 5; round++) shown.push(...numbersOf(await fed(batches, round)))
    const [first, second] = [shown.slice(0, 10), shown.slice(10)]
    for (const epoch of [first, second]) expect(epoch.toSorted()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(first).not.toEqual(second)
  })

  it('feeds as a function of seed and round alone, whatever was asked before', async () => {
    const settings = { augmentation: 'ada', conditionDrop: 0.5, flip: true } as const
    const [one, other] = [make(settings, { conditions }), make(settings, { conditions })]
    for (const round of [5, 1, 3]) await fed(one, round, 'generator')
    expect(await fed(one, 2)).toEqual(await fed(other, 2))
    expect(await fed(one, 2)).not.toEqual(await fed(make(settings, { conditions, seed: 8 }), 2))
  })

  it('gives the generator the pictures of the discriminator’s first step, and latents of its own', async () => {
    const batches = make({}, { discriminatorSteps: 3 })
    const steps = [await fed(batches, 1), await fed(batches, 1, 'discriminator', 1), await fed(batches, 1, 'generator')]
    expect(steps[2]!.real).toEqual(steps[0]!.real)
    expect(steps[1]!.real).not.toEqual(steps[0]!.real)
    expect(steps[2]!.latents).not.toEqual(steps[0]!.latents)
    expect(await fed(batches, 0, 'discriminator', 2)).not.toEqual(steps[0])
  })

  it('asks for pictures by their own captions, and mismatches them with those of others', async () => {
    const batches = make({}, { conditions })
    const languages = new Set<number>()
    for (let round = 0; round < 20; round++) {
      const feeds = await fed(batches, round)
      for (const [i, number] of numbersOf(feeds).entries()) {
        expect(Math.floor(Number(feeds.condition![i]) / 2)).toBe(number)
        expect(Math.floor(Number(feeds.mismatched![i]) / 2)).not.toBe(number)
        languages.add(Number(feeds.condition![i]) % 2)
      }
    }
    expect(languages.size).toBe(2)
  })

  it('withholds the share of conditions that it is told, never the mismatched ones', async () => {
    const batches = make({ conditionDrop: 0.25 }, { conditions })
    let withheld = 0
    for (let round = 0; round < 200; round++) {
      const { condition, mismatched } = await fed(batches, round)
      withheld += Array.from(condition!, Number).filter((value) => value === -1).length
      expect(Array.from(mismatched!, Number)).not.toContain(-1)
    }
    expect(withheld / 800).toBeGreaterThan(0.2)
    expect(withheld / 800).toBeLessThan(0.3)
  })

  it('mirrors about half of the pictures where it is asked to', async () => {
    const [plain, mirrored] = [make(), make({ flip: true })]
    let turned = 0
    for (let round = 0; round < 50; round++) {
      const [a, b] = [(await fed(plain, round)).real!, (await fed(mirrored, round)).real!]
      for (let i = 0; i < 16; i += 4) {
        const [p0, p1, p2, p3] = a.slice(i, i + 4)
        const seen = [...b.slice(i, i + 4)]
        if (seen[0] !== p0) turned++
        expect([
          [p0, p1, p2, p3],
          [p1, p0, p3, p2],
        ]).toContainEqual(seen)
      }
    }
    expect(turned).toBeGreaterThan(70)
    expect(turned).toBeLessThan(130)
  })

  it('draws augmentations for both sides, anew for each player', async () => {
    const batches = make({ augmentation: 'diffaugment' })
    const [one, other] = [await fed(batches, 0), await fed(batches, 0, 'generator')]
    expect(one['real.offset']).not.toEqual(one['fake.offset'])
    expect(one['real.offset']).not.toEqual(other['real.offset'])
    expect(Object.keys(await fed(make(), 0))).toEqual(['real', 'latents', 'between'])
  })
})
