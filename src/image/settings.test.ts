import { describe, expect, it } from 'vitest'
import { ConfigError } from '../errors.ts'
import { ganArchitectures } from '../models/gan-registry.ts'
import { ganConfig, imagePresets, imageSettingFields, resolveImageSettings } from './settings.ts'

const asked = { preset: 'nano', architecture: 'r3gan', size: 32 }

describe('image settings', () => {
  it('has a row for every setting, and presets that lie within the rows’ ranges', () => {
    for (const [preset, values] of Object.entries(imagePresets)) {
      expect(imageSettingFields.map(({ name }) => name).toSorted()).toEqual(Object.keys(values).toSorted())
      expect(resolveImageSettings({ ...asked, preset, set: { ...values } })).toEqual(values)
    }
  })

  it.each(ganArchitectures.map(({ name }) => name))('builds %s in every preset at every usual size', (architecture) => {
    const { build } = ganArchitectures.find(({ name }) => name === architecture)!
    for (const preset of Object.keys(imagePresets))
      for (const imageSize of [32, 64, 128]) {
        const settings = resolveImageSettings({ preset, architecture, size: imageSize })
        const gan = build(ganConfig(settings, { imageSize, channels: 3 }, { kind: 'class', nClasses: 3 }))
        expect(gan.generator.parameters.size).toBeGreaterThan(0)
      }
  })

  it('takes what the classics train with from their papers, but for what is set', () => {
    const classic = { ...asked, architecture: 'wgan-gp' }
    expect(resolveImageSettings(classic)).toMatchObject({ learningRate: 0.0001, beta2: 0.9, penalty: 10 })
    expect(resolveImageSettings({ ...classic, set: { penalty: '3', flip: 'true' } })).toMatchObject({
      penalty: 3,
      flip: true,
      beta2: 0.9,
    })
  })

  it.each([
    ['did you mean batchSize?', { batchsize: 8 }],
    ['penalty is "many", wanted a number from 0', { penalty: 'many' }],
    ['batchSize is 1, wanted a whole number from 2', { batchSize: 1 }],
    ['augmentation is "blur", wanted none or diffaugment or ada', { augmentation: 'blur' }],
    ['flip is "often", wanted true or false', { flip: 'often' }],
    ['see `atelier train image --help`', { zzzzzzzzzzzz: 1 }],
  ])('refuses what it cannot be: %s', (message, set) => {
    expect(() => resolveImageSettings({ ...asked, set })).toThrow(ConfigError)
    expect(() => resolveImageSettings({ ...asked, set })).toThrow(message)
  })
})
