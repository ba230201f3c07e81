import { existsSync, readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { writeTinyPictures } from '../../src/image/testing/tiny-pictures.ts'
import { type Finished, resultOf, tiny, workshop } from './atelier.ts'

const { run, path, write } = workshop()

/** Options of a training of pictures that takes a second. */
const small = [
  ...['--size', '16', '--threads', '1', '--steps', '2'],
  ...['--set', 'patch=1', 'latentSize=4', 'generatorWidth=8', 'discriminatorWidth=8', 'maxWidth=8', 'batchSize=2'],
  ...['samples=1', 'sampleCount=4', 'lookEvery=1'],
]
const train = ['train', 'image', '--data', 'pictures', '--out', 'never']

beforeAll(async () => {
  await writeTinyPictures(path('pictures'), 12, 'class')
  await writeTinyPictures(path('one'), 1)
})

/** One line on stderr that says what to do, no stack trace, nothing on stdout. */
function expectComplaint({ code, stderr, stdout }: Finished, message: string, expected: number) {
  const complaint = stderr.split('\n').filter((line) => line.startsWith('atelier: '))
  expect(complaint, stderr).toHaveLength(1)
  expect(complaint[0]).toContain(message)
  expect(stderr).not.toMatch(/\n {4}at /)
  expect(stdout).toBe('')
  expect(code).toBe(expected)
}

test('help shows options, presets, settings and examples', async () => {
  const { code, stdout } = await run(['train', 'image', '--help'])
  expect(code).toBe(0)
  for (const word of [
    '--condition',
    '--resume',
    'nano',
    'penaltyShare',
    'augmentation',
    'fashion-mnist',
    '--json',
    '$ ',
  ])
    expect(stdout).toContain(word)
})

const mistakes: readonly (readonly [message: string, words: readonly string[]])[] = [
  [
    'no --data; name a folder of pictures or a data set, such as --data fashion-mnist',
    ['train', 'image', '--out', 'x'],
  ],
  ['no --out', ['train', 'image', '--data', 'pictures']],
  ["--size: got '33', wanted 16, 32, 64, 128, 256", [...train, '--size', '33']],
  ["--fit: got 'crop', wanted cover, contain, stretch", [...train, '--fit', 'crop']],
  ["--condition: got 'words', wanted auto, none, class, text", [...train, '--condition', 'words']],
  ["--channels: got '2', wanted 1, 3, 4", [...train, '--channels', '2']],
  ['there is no huge, wanted nano, small, base', [...train, '--preset', 'huge']],
  ['wanted one of r3gan, dcgan, wgan-gp', [...train, '--architecture', 'stylegan']],
  ['matching has no part in dcgan', [...train, '--architecture', 'dcgan', '--set', 'matching=2']],
  ['did you mean penalty?', [...train, '--set', 'penalti=1']],
  ['augmentation is "blur", wanted none or diffaugment or ada', [...train, '--set', 'augmentation=blur']],
  ['--steps and --minutes: a run has one length', [...train, '--steps', '3', '--minutes', '1']],
  ['did you mean --architecture?', [...train, '--architectur', 'dcgan']],
  ['it holds text, wanted pictures', ['train', 'image', '--data', 'state-of-the-union', '--out', 'never']],
  ['background: got mauve', [...train, '--background', 'mauve']],
]

describe('wrong usage', () => {
  test.for(mistakes)('one line, exit code 2: %s', async ([message, words]) => {
    expectComplaint(await run(words), message, 2)
  })
})

describe('what cannot be learned from', () => {
  const cases: readonly (readonly [message: string, words: readonly string[], code?: number])[] = [
    ['it does not exist', ['--data', 'missing']],
    ['got one picture', ['--data', 'one']],
    ['got no pictures', ['--data', 'nothing.txt']],
    ['the pictures have no captions', ['--data', 'pictures', '--condition', 'text'], 2],
  ]
  test.for(cases)('%s', async ([message, words, code = 1]) => {
    write('nothing.txt', 'no picture')
    expectComplaint(await run(['train', 'image', '--out', 'none', ...words, ...small]), message, code)
    expect(existsSync(path('none/run.json'))).toBe(false)
  })
})

describe('a run of pictures', () => {
  let first: Finished
  beforeAll(async () => {
    first = await run(['train', 'image', '--data', 'pictures', '--out', 'run', ...small, '--json'])
  })

  test('tells what it came to, to people and programs', async () => {
    expect(first.code, first.stderr).toBe(0)
    expect(resultOf(first)).toMatchObject({ run: 'run', steps: 2, stopped: false, sheet: 'run/samples/step-2.png' })
    expect(first.stderr).toMatch(/pictures: \d+ to learn from, \d+ held out.*16 × 16, colour; asked for by 3 classes/)
    expect(first.stderr).toMatch(/generator: 4\.6 k parameters, discriminator: 4\.4 k\n/)
    expect(first.stderr).toMatch(/training 50 % · round 1 of 2 · losses [\d. ]+ · real ahead \d+ % · .* pictures\/s/)
    expect(first.stderr).toContain('round 2: samples in samples/step-2.png')
    expect(JSON.parse(readFileSync(path('run/config.json'), 'utf8'))).toMatchObject({
      model_type: 'r3gan',
      imageSize: 16,
      classes: ['bar', 'dot', 'sky'],
    })
  })

  test('is neither begun anew nor gone on with as another', async () => {
    const begin = ['train', 'image', '--data', 'pictures', '--out', 'run', ...small]
    expectComplaint(await run(begin), 'holds a run already; add --resume', 2)
    expectComplaint(await run([...begin, '--resume', '--seed', '5']), '--seed is 5, but run has 0', 2)
    expectComplaint(await run([...begin, '--resume', '--channels', '4']), '--channels is 4, but run has', 2)
    expectComplaint(
      await run([...begin, '--resume', '--background', '#000']),
      '--background is 0,0,0, but run has 255',
      2,
    )
    expectComplaint(await run(['train', 'image', '--out', 'nowhere', '--resume']), 'nowhere holds no run', 1)
    const same = await run([...begin, '--resume'])
    expect(same).toMatchObject({ code: 0, stderr: expect.stringContaining('already 2 rounds; nothing to do') })
  })

  test('is not taken for one of text, nor the reverse', async () => {
    expect((await run(['train', 'text', '--data', 'tiny.txt', '--out', 'words', ...tiny])).code).toBe(0)
    const [image, text] = [
      await run(['train', 'image', '--out', 'words', '--resume']),
      await run(['train', 'text', '--out', 'run', '--resume']),
    ]
    expectComplaint(image, 'it is a run of the craft "text", wanted image', 1)
    expectComplaint(text, 'it is a run of the craft "image", wanted text', 1)
  })
})
