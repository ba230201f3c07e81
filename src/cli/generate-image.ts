import { randomInt } from 'node:crypto'
import { basename } from 'node:path'
import type { Command } from 'commander'
import { ConfigError, DataError } from '../errors.ts'
import { writeJsonFile } from '../files/json-file.ts'
import { shellWord } from '../files/shell-word.ts'
import type { ImageArtifact } from '../image/artifact.ts'
import type { ImageModel, PaintSettings } from '../image/image-model.ts'
import type { Pictures } from '../image/render/canvas.ts'
import type { EngineName } from '../runtime/engine.ts'
import { type Outcome, runs } from './command.ts'
import { count } from './format.ts'
import { interruptible } from './interrupt.ts'
import { engineOption, given, needed, numberOption, oneOf, textOption, textsOption, threadsOption } from './options.ts'
import { checkPictureFiles, isFolder, pictureFiles, writePictures } from './picture-files.ts'
import { Progress } from './progress.ts'
import { dim, shown, type Terminal } from './terminal.ts'

interface Options {
  readonly model?: string
  readonly prompt?: readonly string[]
  readonly class?: readonly string[]
  readonly n?: number
  readonly grid?: boolean
  readonly columns?: number
  readonly seed?: number
  readonly truncation?: number
  readonly guidance?: number
  readonly latent?: readonly string[]
  readonly interpolate?: readonly string[]
  readonly frames?: number
  readonly project?: string
  readonly steps?: number
  readonly scale?: number
  readonly size?: number
  readonly out?: string
  readonly threads?: number
  readonly engine?: EngineName
}

const wholeFrom1 = { whole: true, minimum: 1 }

/** `atelier generate image`. */
export function addGenerateImage(parent: Command): void {
  const command = parent
    .command('image')
    .description('Paints pictures from words, of a class, or as they come, and writes them as PNG, WebP or GIF.')
    .option(
      '--model <run>',
      'an image run, or gallery/NAME (default: the gallery’s model for pictures)',
      textOption('--model', 'a folder'),
    )
    .option('--prompt <text>', 'words to paint (repeatable: pictures take turns)', repeated)
    .option('--class <name>', 'a class by name or number (repeatable); each in turn by default', repeated)
    .option(
      '--n <n>',
      'how many pictures [1 to 10000; default: one of each prompt or class, else 1]',
      numberOption('--n', { ...wholeFrom1, maximum: 1e4 }),
    )
    .option('--grid', 'all pictures in one file')
    .option('--columns <n>', 'of the grid [default: about as many as rows]', numberOption('--columns', wholeFrom1))
    .option(
      '--seed <n>',
      'what randomness starts from; the same seed, the same bytes [default: a new one]',
      numberOption('--seed', { whole: true, minimum: 0 }),
    )
    .option(
      '--truncation <t>',
      'no latent further from 0: more usual, less diverse [0.05 to 10]',
      numberOption('--truncation'),
    )
    .option(
      '--guidance <g>',
      'how far to push towards what is asked for [0 to 20; default: 1]',
      numberOption('--guidance'),
    )
    .option(
      '--latent <file>',
      'paint the latent of a record again, such as of --project (repeatable)',
      repeatedPath('--latent'),
    )
    .option(
      '--interpolate <stops>',
      'a loop through the pictures of these seeds or records, A,B[,C…], as animated WebP or GIF',
      (text: string) => text.split(',').map((stop) => stop.trim()),
    )
    .option(
      '--frames <n>',
      'of that loop [2 to 2000; default: 60]',
      numberOption('--frames', { whole: true, minimum: 2, maximum: 2000 }),
    )
    .option(
      '--project <file>',
      'find the latent that comes nearest to a picture; writes both side by side',
      textOption('--project', 'a picture'),
    )
    .option('--steps <n>', 'of that search [default: 300]', numberOption('--steps', { ...wholeFrom1, maximum: 1e5 }))
    .option(
      '--scale <k>',
      'make every pixel k wide [1 to 64; default: 1]',
      numberOption('--scale', { ...wholeFrom1, maximum: 64 }),
    )
    .option('--size <pixels>', 'make every picture so wide', numberOption('--size', { ...wholeFrom1, maximum: 8192 }))
    .option(
      '--out <file>',
      '.png, .webp or .gif, or a folder; the record for `atelier remake` goes beside it, as .json',
      textOption('--out', 'a file or a folder'),
    )
    .option(...threadsOption)
    .option(...engineOption)
  runs<Options>(command, examples, generate)
}

const repeated = (text: string, before: string[] = []) => [...before, text]
const repeatedPath = (flag: string) => textsOption(flag, 'a file')

const examples = [
  'atelier generate image --prompt "une pomme rouge" --scale 8 --out apple.png',
  'atelier generate image --prompt "a red apple" --prompt "a green apple" --n 16 --grid --columns 2 --out apples.png',
  'atelier generate image --model gallery/fashion --class "Ankle boot" --n 64 --grid --seed 7 --out boots.webp',
  'atelier generate image --model runs/faces --interpolate 1,2,3 --frames 90 --scale 4 --out loop.webp',
  'atelier generate image --model runs/faces --project me.jpg --out found.png',
  'atelier generate image --model runs/faces --interpolate found.json,12 --out me-and-12.gif',
  'atelier remake apple.json',
]

/** What one call makes: pixels, how they become files, and their records. */
interface Made {
  readonly artifacts: readonly ImageArtifact[]
  readonly files: readonly string[]
  readonly record: string
  encode(index: number): Promise<Uint8Array>
}

async function generate(options: Options, terminal: Terminal): Promise<Outcome> {
  const out = needed(options.out, 'generate image', '--out', 'name a file, such as --out picture.png')
  await checkOptions(options, out)
  const seed = options.seed ?? randomInt(2 ** 47)
  const { model: folder, threads, engine } = options
  const { ImageModel } = await import('../image/image-model.ts')
  const model = await ImageModel.load(folder, given({ threads, engine }))
  const progress = new Progress(terminal)
  try {
    const begin = performance.now()
    const made = await interruptible(
      () => progress.line('stopping'),
      (signal) => make(model, { ...options, out, seed }, progress, signal),
    )
    progress.end()
    await writePictures(made.files, made.encode)
    const artifacts = made.artifacts.map((artifact, i) => ({
      ...artifact,
      file: basename(made.files[i] ?? made.files[0]!),
    }))
    await writeJsonFile(made.record, artifacts.length === 1 ? artifacts[0] : { artifacts }, DataError)
    const seconds = (performance.now() - begin) / 1000
    for (const file of made.files) terminal.say(shown(file))
    terminal.note(dim(closing(artifacts, seconds, made.record)))
    return { result: { artifacts, files: made.files, record: made.record, seconds } }
  } finally {
    progress.end()
    await model.release()
  }
}

type Asked = Options & { readonly out: string; readonly seed: number }

function make(model: ImageModel, asked: Asked, progress: Progress, signal: AbortSignal): Promise<Made> {
  if (asked.project !== undefined) return makeProjection(model, asked, progress, signal)
  return asked.interpolate ? makeLoop(model, asked, progress, signal) : makePictures(model, asked, progress, signal)
}

async function makePictures(model: ImageModel, asked: Asked, progress: Progress, signal: AbortSignal): Promise<Made> {
  const { grid = false, columns, out, latent, n } = asked
  const found = latent ? await readLatents(model, latent) : undefined
  const { countAsked } = await import('../image/asking.ts')
  const total = found?.latents.length ?? n ?? countAsked(given({ prompt: asked.prompt, className: asked.class }))
  const { pictures: files, record } = pictureFiles(out, grid ? 1 : total)
  await checkPictureFiles({ pictures: files, record })
  const { checkGrid, encodeGrid, encodePicture, pictureFormat } = await import('../image/render/encode.ts')
  const format = isFolder(out) ? 'png' : pictureFormat(out)
  const enlarged = { ...given({ scale: asked.scale, size: asked.size }), format }
  const gridOptions = { ...enlarged, ...given({ columns }) }
  if (grid) checkGrid(total, model.loaded.gan.config, gridOptions)
  else checkGrid(1, model.loaded.gan.config, { ...enlarged, gap: 0 })
  const { pictures, artifacts } = await model.generate({
    ...settingsOf(asked, progress, signal),
    ...(found ? given({ prompt: asked.prompt ?? found.prompt, className: asked.class ?? found.className }) : {}),
    ...given({ latents: found?.latents }),
    n: total,
    seed: asked.seed,
  })
  const encode = (index: number) =>
    grid ? encodeGrid(pictures, gridOptions) : encodePicture(pictures, { ...enlarged, index })
  return { artifacts, files, record, encode }
}

async function makeLoop(model: ImageModel, asked: Asked, progress: Progress, signal: AbortSignal): Promise<Made> {
  const { interpolate = [], frames = 60, out } = asked
  const { pictures: files, record } = pictureFiles(out, 1)
  await checkPictureFiles({ pictures: files, record })
  const stops: (number | Float32Array)[] = []
  for (const stop of interpolate) stops.push(...(await stopOf(model, stop)))
  const { animationFormat, checkAnimation, encodeAnimation } = await import('../image/render/encode.ts')
  const frameOptions = { ...given({ scale: asked.scale, size: asked.size }), format: animationFormat(out) }
  checkAnimation(frames, model.loaded.gan.config, frameOptions)
  const { pictures, artifact } = await model.interpolate({ ...settingsOf(asked, progress, signal), stops, frames })
  const encode = () => encodeAnimation(pictures, frameOptions)
  return { artifacts: [artifact], files, record, encode }
}

async function makeProjection(model: ImageModel, asked: Asked, progress: Progress, signal: AbortSignal): Promise<Made> {
  const { project = '', out, steps, seed } = asked
  const { pictures: files, record } = pictureFiles(out, 1)
  await checkPictureFiles({ pictures: files, record })
  const { projectFile } = await import('../image/project.ts')
  const { checkGrid, encodeGrid, pictureFormat } = await import('../image/render/encode.ts')
  const gridOptions = { ...given({ scale: asked.scale, size: asked.size }), columns: 2, format: pictureFormat(out) }
  checkGrid(2, model.loaded.gan.config, gridOptions)
  const { original, reconstruction, artifact } = await projectFile(model, project, {
    ...given({ steps, prompt: asked.prompt, className: asked.class, guidance: asked.guidance }),
    seed,
    signal,
    onProgress: (done, total, distance) =>
      progress.show(
        'searching',
        done / total,
        `step ${count(done)} of ${count(total)}, distance ${distance.toFixed(4)}`,
      ),
  })
  const encode = () => encodeGrid(beside(original, reconstruction), gridOptions)
  return { artifacts: [artifact], files, record, encode }
}

function beside(left: Pictures, right: Pictures): Pictures {
  const pixels = new Uint8Array(left.pixels.length + right.pixels.length)
  pixels.set(left.pixels)
  pixels.set(right.pixels, left.pixels.length)
  return { ...left, pixels }
}

function settingsOf(asked: Asked, progress: Progress, signal: AbortSignal): PaintSettings {
  const { prompt, class: className, truncation, guidance } = asked
  const onProgress = (done: number, total: number) => {
    if (total > 64) progress.show('painting', done / total, `${count(done)} of ${count(total)}`)
  }
  return { ...given({ prompt, className, truncation, guidance }), signal, onProgress }
}

/** A stop of a loop: a seed, or the latents of a record's file. */
async function stopOf(model: ImageModel, stop: string): Promise<readonly (number | Float32Array)[]> {
  if (/^\d+$/.test(stop)) return [Number(stop)]
  if (stop === '')
    throw new ConfigError('--interpolate: got a stop that is empty, wanted seeds or records, such as 1,2', {})
  return (await readLatents(model, [stop])).latents
}

/** Latents of records, and what their pictures were asked for by, where all were. */
async function readLatents(model: ImageModel, paths: readonly string[]) {
  const { latentOf, readImageArtifacts } = await import('../image/remake.ts')
  const records: ImageArtifact[] = []
  for (const path of paths) {
    for (const record of await readImageArtifacts(path)) {
      await checkMaker(model, record, path)
      records.push(record)
    }
  }
  const prompts = records.flatMap(({ prompt }) => prompt ?? [])
  const classes = records.flatMap(({ class: asked }) => asked?.index ?? [])
  return {
    latents: records.map((record) => latentOf(model, record)),
    prompt: prompts.length === records.length ? prompts : undefined,
    className: classes.length === records.length ? classes : undefined,
  }
}

async function checkMaker(model: ImageModel, { model: maker, loop }: ImageArtifact, path: string): Promise<void> {
  if (loop)
    throw new ConfigError(`${path}: it records an animation, which has no one latent; take a picture’s record`, {
      path,
    })
  if (maker.digest === (await model.digest())) return
  throw new ConfigError(
    `${path}: its latent is of another model, ${maker.path} (${maker.digest.slice(0, 16)}…); name that by --model`,
    { path, model: maker },
  )
}

/** Throws {@link ConfigError} for options that do not go together, before anything is loaded. */
async function checkOptions(options: Options, out: string): Promise<void> {
  const { interpolate, project, grid, latent } = options
  oneOf({ ...options }, ['project', 'interpolate', 'latent'], 'a call makes one thing')
  oneOf({ ...options }, ['project', 'interpolate', 'grid'], 'a call makes one thing')
  oneOf({ ...options }, ['project', 'truncation'], 'the latent that comes nearest is sought anywhere')
  oneOf({ ...options }, ['latent', 'truncation'], 'a latent is painted as it is')
  oneOf({ ...options }, ['latent', 'seed'], 'a latent is painted as it is, without chance')
  oneOf({ ...options }, ['prompt', 'class'], 'a model takes words or classes')
  oneOf({ ...options }, ['scale', 'size'], 'a picture has one size')
  const wants = (name: keyof Options, flag: string, has: boolean) => {
    if (options[name] !== undefined && !has)
      throw new ConfigError(`--${name}: it goes with ${flag}; add that, or leave it out`, { option: name })
  }
  wants('columns', '--grid', grid === true)
  wants('frames', '--interpolate', interpolate !== undefined)
  wants('steps', '--project', project !== undefined)
  const single = interpolate ? '--interpolate' : project === undefined ? latent && '--latent' : '--project'
  if (options.n !== undefined && single)
    throw new ConfigError(`--n: ${single} says how many pictures there are; leave it out`)
  if (isFolder(out) && !grid && !interpolate && project === undefined) return
  const { animationFormat, pictureFormat } = await import('../image/render/encode.ts')
  if (interpolate) animationFormat(out)
  else pictureFormat(out)
}

function closing(artifacts: readonly ImageArtifact[], seconds: number, record: string): string {
  const [{ seed, imageSize, loop }] = artifacts as [ImageArtifact]
  const what = loop
    ? `${count(loop.frames)} frames`
    : `${count(artifacts.length)} ${artifacts.length === 1 ? 'picture' : 'pictures'}`
  return [
    `seed ${seed}`,
    `${what} of ${imageSize} × ${imageSize}`,
    `${seconds.toFixed(1)} s`,
    `again: atelier remake ${shellWord(record)}`,
  ].join(' · ')
}
