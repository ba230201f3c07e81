import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { CheckpointError } from '../errors.ts'
import { tinyClasses, writeTinyGan } from '../image/testing/tiny-gan.ts'
import { isGanConfig, loadGan, readGanConfig, saveGan } from './gan-checkpoint.ts'

const root = mkdtempSync(join(tmpdir(), 'atelier-gan-'))
afterAll(() => rmSync(root, { recursive: true }))
let made = 0
const fresh = () => join(root, `gan-${made++}`)

describe('a pair of networks in a folder', () => {
  it.each(['none', 'class', 'text'] as const)('comes back as it was saved, asked for by %s', async (kind) => {
    const folder = fresh()
    const config = await writeTinyGan(folder, kind)
    const loaded = await loadGan(folder, { discriminator: true })
    expect(loaded.gan.config).toEqual(config)
    expect(loaded.classes).toEqual(kind === 'class' ? tinyClasses : [])
    expect(loaded.metadata.dataDigest).toBe('tiny')
    const again = fresh()
    const weights = { ...loaded.generator, ...loaded.discriminator }
    await saveGan(again, { modelType: 'r3gan', config, classes: loaded.classes, weights, metadata: loaded.metadata })
    for (const name of ['config.json', 'model.safetensors'])
      expect(readFileSync(join(again, name)).equals(readFileSync(join(folder, name)))).toBe(true)
  })

  it('may lack the discriminator, and be stored in 16 bits', async () => {
    const [folder, half] = [fresh(), fresh()]
    const config = await writeTinyGan(folder)
    const { generator } = await loadGan(folder)
    await saveGan(half, { modelType: 'r3gan', config, weights: generator, float: 'F16' })
    const loaded = await loadGan(half, { discriminator: true })
    expect(loaded.discriminator).toBeUndefined()
    for (const [name, { data, dtype }] of Object.entries(loaded.generator)) {
      expect(dtype).toBe('float32')
      for (const [i, value] of data.entries())
        expect(Math.abs(Number(value) - Number(generator[name]!.data[i]))).toBeLessThan(2e-3)
    }
  })

  const edits: readonly (readonly [message: string, change: (config: Record<string, unknown>) => object])[] = [
    ['model_type is "llama", wanted r3gan', (config) => ({ ...config, model_type: 'llama' })],
    ['names 2 classes, nClasses is 3', (config) => ({ ...config, classes: ['a', 'b'] })],
    ['do the files belong together?', (config) => ({ ...config, latentSize: 9 })],
    ['the weights lack generator.', (config) => ({ ...config, blocks: 2 })],
    ['blocks', (config) => ({ ...config, blocks: 2 ** 24 })],
    ['imageSize', (config) => ({ ...config, imageSize: 1e9 })],
  ]
  it.each(edits)('is refused in one line: %s', async (message, change) => {
    const folder = fresh()
    await writeTinyGan(folder, 'class')
    const path = join(folder, 'config.json')
    writeFileSync(path, JSON.stringify(change(JSON.parse(readFileSync(path, 'utf8')))))
    const error = await loadGan(folder).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(CheckpointError)
    expect((error as Error).message).toContain(message)
    expect((error as Error).message).not.toContain('\n')
  })
})

it('knows its own configurations from others', async () => {
  const folder = fresh()
  await writeTinyGan(folder)
  expect(isGanConfig(JSON.parse(readFileSync(join(folder, 'config.json'), 'utf8')))).toBe(true)
  for (const other of [{ model_type: 'gpt2' }, {}, null, 'r3gan', undefined]) expect(isGanConfig(other)).toBe(false)
  await expect(readGanConfig(join(root, 'nowhere'))).rejects.toThrow(CheckpointError)
})
