import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { type Finished, finished, program, tiny, workshop } from './atelier.ts'

const { run, write, path } = workshop()

/** A failure is one line that says what to do, exit code 1, and no stack trace. */
function expectFailure({ code, stderr, stdout }: Finished, message: string) {
  const complaint = stderr.split('\n').filter((line) => line.startsWith('atelier: '))
  expect(complaint, stderr).toHaveLength(1)
  expect(complaint[0]).toContain(message)
  expect(stderr).not.toMatch(/\n {4}at /)
  expect(stdout).toBe('')
  expect(code).toBe(1)
}

describe('data that cannot be learned from', () => {
  const noise = Uint8Array.from({ length: 3000 }, (_, i) => (i * 193 + (i >> 3)) % 256)
  const cases: readonly (readonly [message: string, name: string, content?: string | Uint8Array])[] = [
    ['it does not exist', 'missing.txt'],
    ['no document found (1 files read, 1 of them empty', 'empty.txt', ''],
    ['wanted text; is it binary', 'binary.txt', noise],
    ['byte 5 (0xff) is not UTF-8', 'latin.txt', Uint8Array.from([...Buffer.from('some '), 255, 254])],
    ['wanted more than contextLength 32', 'short.txt', 'Too short.'],
    ['line 1: it is not JSON', 'cut.jsonl', '{"text": "hello"\n'],
    ['no field "text"', 'other.jsonl', '{"body": "hello"}\n'],
    ['field "text" is a number', 'number.jsonl', '{"text": 5}\n'],
    ['not readable as Parquet', 'rows.parquet', 'PAR1'],
    ['not a sound gzip file', 'text.txt.gz', Uint8Array.from([31, 139, 1, 2, 3])],
    ['no file matches the pattern', 'z*.txt'],
    ['no document found (0 files read', 'folder'],
  ]
  test.for(cases)('%s', async ([message, name, content]) => {
    if (content !== undefined) write(name, content)
    else if (name === 'folder') mkdirSync(path(name))
    expectFailure(await run(['train', 'text', '--data', name, '--out', 'none', ...tiny]), message)
    expect(existsSync(path('none/run.json'))).toBe(false)
  })

  test('a folder of texts is read without its binary files; a broken text in it is an error', async () => {
    mkdirSync(path('mixed'))
    write('mixed/a.txt', 'Some text.')
    write('mixed/b.bin', noise)
    const described = await run(['data', 'describe', 'mixed', '--json'])
    expect(JSON.parse(described.stdout)).toMatchObject({ statistics: { documents: 1 } })
    write('mixed/c.txt', Uint8Array.from([65, 255]))
    expectFailure(await run(['data', 'describe', 'mixed']), 'is not UTF-8')
  })

  test('one line of fifty thousand characters is text like any other', async () => {
    write('line.txt', 'round and round it goes '.repeat(2000))
    expect((await run(['train', 'text', '--data', 'line.txt', '--out', 'line', ...tiny])).code).toBe(0)
  })
})

describe('places that cannot be written', () => {
  test('a file where the folder should be', async () => {
    const words = ['train', 'text', '--data', 'tiny.txt', '--out', 'tiny.txt', ...tiny]
    expectFailure(await run(words), 'part of the path is a file, not a folder')
  })

  test.runIf(existsSync('/proc/self'))('a file system that takes no folders', async () => {
    const words = ['train', 'text', '--data', 'tiny.txt', '--out', '/proc/run', ...tiny]
    expectFailure(await run(words), 'no folder can be made there; choose another place')
  })
})

test.runIf(existsSync('/dev/full'))('a full disk behind stdout is one line, not a stack', async () => {
  const command = `"${process.execPath}" "${program}" data list > /dev/full`
  const { code, stdout, stderr } = await finished(spawn('sh', ['-c', command]))
  expectFailure({ code, stdout, stderr, signal: null }, 'write stdout: the disk is full')
})

describe('models that cannot be loaded, prompts that cannot be continued', () => {
  beforeAll(async () => {
    const { code, stderr } = await run(['train', 'text', '--data', 'tiny.txt', '--out', 'run', ...tiny])
    expect(code, stderr).toBe(0)
  })

  const edit = (name: string, change: (text: string) => string) => (folder: string) =>
    writeFileSync(join(folder, name), change(readFileSync(join(folder, name), 'utf8')))
  const lyingHeader = (folder: string) => {
    const file = join(folder, 'model.safetensors')
    const bytes = readFileSync(file)
    bytes.writeBigUInt64LE(2n ** 62n)
    writeFileSync(file, bytes)
  }
  const cases: readonly (readonly [message: string, spoil: (folder: string) => void])[] = [
    ['found neither model.safetensors', (folder) => rmSync(join(folder, 'model.safetensors'))],
    ['the file is truncated', (folder) => truncateSync(join(folder, 'model.safetensors'), 2000)],
    ['too few for a header', (folder) => truncateSync(join(folder, 'model.safetensors'), 4)],
    ['its header claims', lyingHeader],
    ['config.json: it is not JSON or is cut short', edit('config.json', (text) => text.slice(0, 50))],
    ['model_type', edit('config.json', () => '{}')],
    [
      'is [32,16], config.json wants [64,16]',
      edit('config.json', (text) => text.replace(/"intermediate_size": *32/, '"intermediate_size": 64')),
    ],
    ['tokenizer.json: it is not JSON or is cut short', edit('tokenizer.json', (text) => text.slice(0, 100))],
    ['it does not exist', (folder) => rmSync(join(folder, 'tokenizer.json'))],
    ['holds no config.json', (folder) => rmSync(folder, { recursive: true })],
  ]
  test.for(cases)('%s', async ([message, spoil]) => {
    const name = `spoilt-${cases.findIndex(([of]) => of === message)}`
    cpSync(path('run'), path(name), { recursive: true })
    spoil(path(name))
    expectFailure(await run(['generate', 'text', '--model', name, '--prompt', 'The', '--threads', '1']), message)
  })

  const prompts: readonly (readonly [message: string, prompt: string])[] = [
    ["wanted at most the context's 32; shorten it", 'The old cat sees the moon and the road.'],
    ['"é" (U+00E9) at position 4 is not among the', 'The é'],
    ['prompt: it is empty', ''],
  ]
  test.for(prompts)('%s', async ([message, prompt]) => {
    expectFailure(await run(['generate', 'text', '--model', 'run', '--prompt', prompt, '--threads', '1']), message)
  })

  test('prompts on stdin that are not text', async () => {
    const words = ['generate', 'text', '--model', 'run', '--prompt', '-', '--threads', '1']
    expectFailure(await run(words, Uint8Array.from([84, 255])), 'the prompt on stdin is not UTF-8 text')
  })

  test('engines that this machine or place has not', async () => {
    const generate = ['generate', 'text', '--model', 'run', '--prompt', 'The', '--engine']
    expectFailure(await run([...generate, 'webgpu']), 'webgpu')
    expectFailure(await run(['evaluate', 'run', '--engine', 'wasm']), 'wasm')
  })

  test('an --out that cannot be written ends before the model is even looked for', async () => {
    const words = ['generate', 'text', '--model', 'nowhere', '--prompt', 'The', '--out']
    expectFailure(await run([...words, 'run']), 'write run: it is a folder, not a file')
    expectFailure(await run([...words, 'tiny.txt/made.json']), 'part of the path is a file')
  })

  test.runIf(process.platform !== 'win32')(
    'an --out that fails in the end loses nothing of what was made',
    async () => {
      const words = ['generate', 'text', '--model', 'run', '--prompt', 'The', '--n', '3', '--threads', '1', '--json']
      const limited = `trap '' XFSZ; ulimit -f 1; cd "${path('.')}"; exec "${process.execPath}" "${program}" "$@"`
      const child = spawn('sh', ['-c', limited, 'sh', ...words, '--max-tokens', '25', '--out', 'big.json'])
      const { code, stdout, stderr } = await finished(child)
      expect(stderr).toMatch(/^atelier: write big\.json: .*too big/m)
      expect(JSON.parse(stdout)).toMatchObject({ artifacts: [{}, {}, {}], error: { kind: 'DataError' } })
      expect(code).toBe(1)
    },
  )

  test('a training prompt that cannot be spelled ends before training, and leaves no run', async () => {
    const words = ['train', 'text', '--data', 'tiny.txt', '--out', 'unspelled', '--prompt', 'é', ...tiny]
    expectFailure(await run(words), 'is not among the')
    expect(existsSync(path('unspelled/run.json'))).toBe(false)
  })

  test('what is no artifact is not remade', async () => {
    expectFailure(await run(['remake', 'missing.json']), 'it does not exist')
    expectFailure(await run(['remake', 'tiny.txt']), 'it is not JSON')
    expectFailure(await run(['remake', 'run/config.json']), 'expected "atelier-artifact-1"')
  })
})
