import { describe, expect, it } from 'vitest'
import { decodePicture } from './decode-picture.ts'
import { type IconSet, iconsOf, svgOf } from './iconify.ts'

const square = '<rect width="1" height="1"/>'
const set: IconSet = {
  prefix: 'test',
  width: 2,
  height: 2,
  icons: {
    hand: { body: square },
    'hand-dark': { body: square },
    'hand-medium-light': { body: square },
    'traffic-light': { body: square },
    gone: { body: square, hidden: true },
    wide: { body: square, width: 4 },
  },
  aliases: {
    'other-name': { parent: 'hand' },
    mirrored: { parent: 'hand', hFlip: true },
    'mirrored-dark': { parent: 'hand-dark', hFlip: true },
    upended: { parent: 'hand', vFlip: true },
    turned: { parent: 'hand', rotate: 1 },
  },
}

/** Pixels of the red plane, two rows of two: 0 where the icon is black. */
const drawn = async (name: string) => {
  const bytes = Buffer.from(svgOf(iconsOf(set).get(name)!, set))
  const shape = { size: 2, planes: 1, fit: 'cover', background: [255, 255, 255] } as const
  return [...(await decodePicture({ kind: 'file', bytes }, shape))]
}

describe('icon sets', () => {
  it('leave out hidden icons, other names, and tones of skin of what is there without', () => {
    expect([...iconsOf(set).keys()]).toEqual(['hand', 'traffic-light', 'wide', 'mirrored', 'upended', 'turned'])
  })

  it('are drawn where they stand, mirrored and turned', async () => {
    expect(await drawn('hand')).toEqual([0, 255, 255, 255])
    expect(await drawn('mirrored')).toEqual([255, 0, 255, 255])
    expect(await drawn('upended')).toEqual([255, 255, 0, 255])
    expect(await drawn('turned')).toEqual([255, 0, 255, 255])
    expect(svgOf(set.icons.wide!, set)).toContain('viewBox="0 0 4 2"')
  })
})
