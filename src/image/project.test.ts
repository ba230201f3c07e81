import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ImageModel } from './image-model.ts'
import { project, projectFile } from './project.ts'
import { encodePicture } from './render/encode.ts'
import { writeTinyGan } from './testing/tiny-gan.ts'

const root = mkdtempSync(join(tmpdir(), 'atelier-project-'))
let model: ImageModel

beforeAll(async () => {
  await writeTinyGan(join(root, 'class'), 'class')
  model = await ImageModel.load(join(root, 'class'), { threads: 1 })
})

afterAll(async () => {
  await model.release()
  rmSync(root, { recursive: true })
})

test('a picture that the model painted is found again, nearer than any latent drawn, and the same way each time', async () => {
  const { pictures } = await model.generate({ seed: 77, className: 1, guidance: 2 })
  const search = { seed: 5, className: 1, guidance: 2 }
  const drawn = await project(model, pictures, { ...search, steps: 1, learningRate: 0 })
  const distances: number[] = []
  const onProgress = (_: number, __: number, distance: number) => distances.push(distance)
  const found = await project(model, pictures, { ...search, steps: 60, starts: 4, onProgress })
  expect(found.distance).toBeLessThan(0.25 * drawn.distance)
  expect(distances).toHaveLength(60)
  expect(distances.at(-1)).toBeLessThan(distances[0]!)
  const again = await project(model, pictures, { ...search, steps: 60, starts: 4 })
  expect(again.latent).toEqual(found.latent)
  const { artifacts } = await model.generate({ ...search, latents: [found.latent] })
  expect(artifacts[0]!.pixels).toBe(found.artifact.pixels)
  expect(found.artifact).toMatchObject({ latent: [...found.latent], class: { index: 1 }, projection: { steps: 60 } })
})

test('a file is read at the model’s size, and what is no picture is refused', async () => {
  const { pictures } = await model.generate({ seed: 1, className: 0 })
  const path = join(root, 'large.png')
  writeFileSync(path, await encodePicture(pictures, { scale: 4 }))
  const { original, artifact } = await projectFile(model, path, { seed: 1, steps: 1, className: 0 })
  expect(original.imageSize).toBe(16)
  expect(artifact.projection?.of).toBe('large.png')
  writeFileSync(join(root, 'note.txt'), 'not a picture')
  await expect(projectFile(model, join(root, 'note.txt'), { seed: 1 })).rejects.toThrow(/note\.txt: not a picture/)
  await expect(projectFile(model, join(root, 'gone.png'), { seed: 1 })).rejects.toThrow('does not exist')
  await expect(project(model, { ...original, imageSize: 8 }, { seed: 1 })).rejects.toThrow(
    'the model paints 3 × 16 × 16',
  )
  await expect(project(model, original, { seed: 1, steps: 0 })).rejects.toThrow('steps is 0')
})
