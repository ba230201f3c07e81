import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { tinyText } from '../../src/text/testing/tiny-run.ts'
import { resultOf, tiny, workshop } from './atelier.ts'

const { run, write } = workshop()
const manifest = JSON.parse(readFileSync(resolve(import.meta.dirname, '../../package.json'), 'utf8')) as {
  version: string
}
const train = ['train', 'text', '--data', 'tiny.txt', '--out', 'never']
const generate = ['generate', 'text', '--model', 'nowhere', '--prompt', 'x']
const paint = ['generate', 'image', '--model', 'nowhere', '--out']

/** All commands, each with the words that must stand in its help. */
const commands: readonly (readonly [command: string, ...words: string[]])[] = [
  ['start', '--minutes'],
  ['train text', '--data', '--resume', 'contextLength', 'nano', '--licence', '--from', '--lora-targets', 'instruct'],
  [
    'generate text',
    '--chat',
    '--system',
    '--top-p',
    '--dry-sequence-breakers',
    '--logit-bias',
    '--max-tokens',
    '--allow-copies',
    '[default: a new one',
  ],
  ['generate image', '--prompt', '--interpolate', '--project', '--guidance', '--truncation', 'remake'],
  ['evaluate', '--samples', '<run>', 'text: ', '--tokens', '--task', '--limit', '--between', 'image: ', '--features'],
  ['inspect', '<run>'],
  ['merge', '<adapter>', '--out'],
  ['pull', '<model>', '--revision', '--out', '--most', 'HF_TOKEN'],
  ['quantize', '--bits', '--out', '<run>', '--data'],
  ['guard', '<run>', '--data', '--field'],
  ['remake', '--model', '<artifact>'],
  ['data list'],
  ['gallery'],
  ['data get', '<name>'],
  ['data describe', '<path...>'],
]

describe('help', () => {
  test.for(commands)('of %s shows its options and examples', async ([command, ...words]) => {
    const { code, stdout } = await run([...command.split(' '), '--help'])
    expect(code).toBe(0)
    for (const word of [...words, '--json', 'Examples:', '$ ']) expect(stdout).toContain(word)
  })

  test('is what no command at all gets', async () => {
    const [nothing, help, version] = await Promise.all([run([]), run(['--help']), run(['--version'])])
    expect(nothing).toMatchObject({ code: 0, stdout: help.stdout })
    for (const word of ['start', 'train', 'generate', 'evaluate', 'inspect', 'remake', 'data', 'Exit codes'])
      expect(help.stdout).toContain(word)
    expect(version).toMatchObject({ code: 0, stdout: `${manifest.version}\n` })
  })
})

/** Wrong usage, each with what the one line on stderr must say. */
const mistakes: readonly (readonly [message: string, words: readonly string[]])[] = [
  ['did you mean train?', ['trian', 'text']],
  ['did you mean text?', ['train', 'txt']],
  ['atelier train: got nothing, wanted one of text, image', ['train']],
  ['did you mean --temperature?', [...generate, '--temperatur', '1']],
  ["missing required argument 'run'", ['evaluate']],
  ['atelier inspect: too many words, got a b', ['inspect', 'a', 'b']],
  ['no --data; name files, a folder or a data set, such as --data state-of-the-union', ['train', 'text', '--out', 'x']],
  ['no --out', ['train', 'text', '--data', 'tiny.txt']],
  ['no --prompt', ['generate', 'text']],
  ["--bits: got '3', wanted 8 or 4", ['quantize', 'a', '--bits', '3']],
  ['merge: no --out', ['merge', 'a']],
  ['quantize: no --out', ['quantize', 'a', '--bits', '4']],
  ["--out: got '--resume', wanted a folder", ['train', 'text', '--out', '--resume']],
  ["--data: got '', wanted", ['train', 'text', '--out', 'x', '--data', '']],
  ['did you mean dModel?', [...train, '--set', 'dModle=8']],
  ['dModel is "0", wanted a whole number from 1', [...train, '--set', 'dModel=0']],
  ['learningRate is "fast", wanted a number', [...train, '--set', 'learningRate=fast']],
  ["got 'dModel', wanted key=value", [...train, '--set', 'dModel']],
  ['dModel is given twice', [...train, '--set', 'dModel=8', '--set', 'dModel=16']],
  ['dModel 15 is not a multiple of nHeads 4', [...train, '--set', 'dModel=15']],
  ['there is no huge, wanted nano, small, base', [...train, '--preset', 'huge']],
  ['lora: there is no model to adapt; name one by --from', [...train, '--lora']],
  ['they are of adapters; add --lora', [...train, '--from', 'nowhere', '--lora-rank', '4']],
  ["--lora-rank: got '0', wanted a whole number at least 1", [...train, '--lora-rank', '0']],
  ['instruct: a model learns to answer when it can write already', [...train, '--task', 'instruct']],
  ['--system: it begins a conversation; add --chat', [...generate, '--system', 'Be brief.']],
  ['architecture: there is no rnn, wanted one of decoder, gpt2', [...train, '--architecture', 'rnn']],
  ['--steps and --minutes: a run has one length', [...train, '--steps', '3', '--minutes', '1']],
  ["--steps: got '0', wanted a whole number at least 1", [...train, '--steps', '0']],
  ["--minutes: got '-1', wanted a number above 0", [...train, '--minutes', '-1']],
  ["--epochs: got 'many'", [...train, '--epochs', 'many']],
  ["--seed: got '1.5'", [...train, '--seed', '1.5']],
  ["--threads: got '0'", [...train, '--threads', '0']],
  ["--engine: got 'gpu', wanted cpu, cuda, wasm, webgpu", [...train, '--engine', 'gpu']],
  ["--tokenizer: got 'word', wanted char, byte, bpe", [...train, '--tokenizer', 'word']],
  ['a char tokenizer has the vocabulary that it has', [...train, '--tokenizer', 'char', '--vocabulary', '99']],
  ['vocabulary of 3, wanted 257', [...train, '--vocabulary', '3']],
  ["--temperature: got '-1', wanted a number at least 0", [...generate, '--temperature', '-1']],
  ["--top-p: got '1e999'", [...generate, '--top-p', '1e999']],
  ['temperature 0 would make all n = 2 continuations equal', [...generate, '--temperature', '0', '--n', '2']],
  ['beam search draws nothing at random; remove topK', [...generate, '--beams', '2', '--top-k', '3']],
  ['dryBase does nothing while dryMultiplier is 0', [...generate, '--dry-base', '2']],
  ["--no-repeat-ngram: got '-1', wanted a whole number", [...generate, '--no-repeat-ngram', '-1']],
  ["4 beams don't divide into 3 groups", [...generate, '--beams', '4', '--beam-groups', '3']],
  ['--stop: got nothing', [...generate, '--stop', '']],
  ["got '5', wanted key=value", [...generate, '--logit-bias', '5']],
  ["--logit-bias (id): got 'a'", [...generate, '--logit-bias', 'a=1']],
  ['- is given twice', ['generate', 'text', '--prompt', '-', '--prompt', '-']],
  ['no --out; name a file, such as --out picture.png', ['generate', 'image']],
  ["a picture ends in .png or .webp, got '.jpg'", [...paint, 'a.jpg']],
  ["an animation ends in .webp or .gif, got '.png'", [...paint, 'a.png', '--interpolate', '1,2']],
  ['--interpolate and --grid: a call makes one thing', [...paint, 'a.webp', '--interpolate', '1,2', '--grid']],
  ['--prompt and --class: a model takes words or classes', [...paint, 'a.png', '--prompt', 'x', '--class', '1']],
  ['--scale and --size: a picture has one size', [...paint, 'a.png', '--scale', '2', '--size', '64']],
  ['--columns: it goes with --grid', [...paint, 'a.png', '--columns', '2']],
  ['--frames: it goes with --interpolate', [...paint, 'a.png', '--frames', '9']],
  ['--n: --project says how many pictures there are', [...paint, 'a.png', '--project', 'b.png', '--n', '2']],
  ["--n: got '0', wanted a whole number at least 1, at most 10000", [...paint, 'a.png', '--n', '0']],
  ["--truncation: got 'x', wanted a number", [...paint, 'a.png', '--truncation', 'x']],
  ['did you mean moby-dick?', ['data', 'get', 'mobydick']],
]

describe('wrong usage', () => {
  test.for(mistakes)('one line, exit code 2: %s', async ([message, words]) => {
    const { code, stdout, stderr } = await run(words)
    const complaint = stderr.split('\n').filter((line) => line.startsWith('atelier: '))
    expect(complaint, stderr).toHaveLength(1)
    expect(complaint[0]).toContain(message)
    expect(stderr).not.toMatch(/\n {4}at /)
    expect(stdout).toBe('')
    expect(code).toBe(2)
  })

  test('is an object for programs with --json', async () => {
    const wrong = await run([...train, '--steps', 'x', '--json'])
    expect(resultOf(wrong)).toEqual({
      error: {
        kind: 'ConfigError',
        message: "--steps: got 'x', wanted a whole number at least 1",
        details: { option: '--steps', value: 'x' },
      },
    })
    const failed = await run(['inspect', 'nowhere', '--json'])
    expect(failed.code).toBe(1)
    expect(resultOf(failed)).toMatchObject({ error: { kind: 'CheckpointError', details: { code: 'ENOENT' } } })
  })
})

describe('around a command', () => {
  test('ATELIER_DEBUG=1 shows where an error came from', async () => {
    const { stderr } = await run(['inspect', 'nowhere'], '', { ATELIER_DEBUG: '1' })
    expect(stderr).toMatch(/CheckpointError: read nowhere\/config\.json.*\n {4}at /)
  })

  test('the command that began a run goes on with it when --resume is added, and nothing else does', async () => {
    const begun = ['train', 'text', '--data', 'tiny.txt', '--out', 'kept', ...tiny]
    expect((await run(begun)).code).toBe(0)
    const [again, another, same] = await Promise.all([
      run(begun),
      run(['train', 'text', '--out', 'kept', '--resume', '--set', 'dModel=32']),
      run([...begun, '--resume', '--json']),
    ])
    expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining('kept holds a run already; add --resume') })
    expect(another).toMatchObject({ code: 2, stderr: expect.stringContaining('--set dModel is 32, but kept has 16') })
    expect(resultOf(same)).toMatchObject({ steps: 6, stopped: false })
  })

  test('so does one whose text cannot fill the vocabulary asked for; another field or vocabulary is refused', async () => {
    write(
      'poems.jsonl',
      tinyText(60)
        .trim()
        .split('\n')
        .map((poem) => `${JSON.stringify({ poem })}\n`)
        .join(''),
    )
    const words = ['--data', 'poems.jsonl', '--field', 'poem', '--tokenizer', 'bpe', '--vocabulary', '2000']
    const begun = ['train', 'text', '--out', 'bpe', ...words, ...tiny.slice(2)]
    const first = await run(begun)
    expect(first.code, first.stderr).toBe(0)
    const [same, field, vocabulary] = await Promise.all([
      run([...begun, '--resume']),
      run(['train', 'text', '--out', 'bpe', '--resume', '--field', 'nonsense']),
      run(['train', 'text', '--out', 'bpe', '--resume', '--vocabulary', '300']),
    ])
    expect(same).toMatchObject({ code: 0, stderr: expect.stringContaining('already 6 steps; nothing to do') })
    expect(field).toMatchObject({ code: 2, stderr: expect.stringContaining('--field is nonsense, but bpe has poem') })
    expect(vocabulary).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--vocabulary is 300, but bpe has 2000'),
    })
  })
})
