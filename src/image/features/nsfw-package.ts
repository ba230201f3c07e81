import { list } from 'tar'
import { DataError } from '../../errors.ts'
import type { HostTensor } from '../../graph/dtype.ts'
import { Inception } from '../../models/inception.ts'

/*
 * The InceptionV3 in the npm package nsfwjs (https://github.com/infinitered/nsfwjs, MIT): a Keras network that sorts
 * pictures into five kinds, its weights in 8 bits, as base64 in JavaScript modules. They are read as text, never run.
 */

/** Where the network lies in the package. */
const place = 'package/dist/models/inception_v3/'
const shards = 6

/** One weight of the layers model: tfjs-converter's manifest. */
interface WeightSpec {
  readonly name: string
  readonly shape: readonly number[]
  readonly least: number
  readonly scale: number
}

/**
 * Reads the package's network as tensors with torchvision's names and layouts: `Conv2d_1a_3x3.conv.weight`
 * [O, I, kh, kw], `….bn.running_mean`, and so on. Throws {@link DataError} where the package isn't as expected.
 */
export async function readNsfwInception(archive: string): Promise<Record<string, HostTensor>> {
  const files = await filesOf(archive)
  const text = (name: string) => {
    const found = files.get(`${place}${name}.min.js`)
    if (found === undefined) throw unexpected(`it has no ${name}`)
    return found
  }
  const bytes = Buffer.concat(
    Array.from({ length: shards }, (_, i) => bytesOf(text(`group1-shard${i + 1}of${shards}`))),
  )
  return named(dequantized(specsOf(text('model')), bytes))
}

async function filesOf(archive: string): Promise<Map<string, string>> {
  const files = new Map<string, string>()
  const reading: Promise<void>[] = []
  await list({
    file: archive,
    filter: (path) => path.startsWith(place),
    onReadEntry: (entry) => {
      reading.push(entry.concat().then((data) => void files.set(entry.path, data.toString('latin1'))))
    },
  })
  await Promise.all(reading)
  return files
}

function bytesOf(module: string): Buffer {
  const base64 = /\.exports="([A-Za-z0-9+/]+={0,2})"/.exec(module)?.[1]
  if (base64 === undefined) throw unexpected('a shard holds no base64')
  return Buffer.from(base64, 'base64')
}

function specsOf(module: string): WeightSpec[] {
  const number = '(-?[\\d.]+(?:e-?\\d+)?)'
  const pattern = new RegExp(
    `\\{name:"([\\w/]+)",shape:\\[([\\d,]+)\\],dtype:"float32",quantization:\\{min:${number},scale:${number},dtype:"uint8"\\}\\}`,
    'g',
  )
  return Array.from(module.matchAll(pattern), ([, name = '', shape = '', least, scale]) => ({
    name,
    shape: shape.split(',').map(Number),
    least: Number(least),
    scale: Number(scale),
  }))
}

/** value = least + scale · byte, as tfjs does. */
function dequantized(specs: readonly WeightSpec[], bytes: Buffer): Map<string, HostTensor> {
  const tensors = new Map<string, HostTensor>()
  let begin = 0
  for (const { name, shape, least, scale } of specs) {
    const end = begin + shape.reduce((product, size) => product * size, 1)
    const data = Float32Array.from(bytes.subarray(begin, end), (byte) => byte * scale + least)
    tensors.set(name, { dtype: 'float32', shape, data })
    begin = end
  }
  if (begin !== bytes.length) throw unexpected(`it has ${bytes.length} bytes of weights for ${begin} numbers`)
  return tensors
}

/** Keras counts layers in the order in which they are made, which is that of {@link Inception}'s units. */
function named(tensors: ReadonlyMap<string, HostTensor>): Record<string, HostTensor> {
  const found = (name: string) => {
    const tensor = tensors.get(name)
    if (!tensor) throw unexpected(`it has no ${name}`)
    return tensor
  }
  const result: Record<string, HostTensor> = {}
  for (const [i, unit] of Inception.units().entries()) {
    const shift = found(`batch_normalization_${i + 1}/beta`)
    result[`${unit}.conv.weight`] = outputsFirst(found(`conv2d_${i + 1}/kernel`))
    result[`${unit}.bn.weight`] = { ...shift, data: new Float32Array(shift.data.length).fill(1) }
    result[`${unit}.bn.bias`] = shift
    result[`${unit}.bn.running_mean`] = found(`batch_normalization_${i + 1}/moving_mean`)
    result[`${unit}.bn.running_var`] = found(`batch_normalization_${i + 1}/moving_variance`)
  }
  return result
}

/** [kh, kw, I, O] → [O, I, kh, kw]. */
function outputsFirst({ shape, data }: HostTensor): HostTensor {
  const [height, width, inputs, outputs] = shape as [number, number, number, number]
  const places = height * width
  const turned = new Float32Array(data.length)
  for (let at = 0; at < places; at++)
    for (let i = 0; i < inputs; i++)
      for (let o = 0; o < outputs; o++)
        turned[(o * inputs + i) * places + at] = data[(at * inputs + i) * outputs + o] as number
  return { dtype: 'float32', shape: [outputs, inputs, height, width], data: turned }
}

function unexpected(what: string): DataError {
  return new DataError(`inception: the package nsfwjs is not as expected, ${what}; name other weights by --features`)
}
