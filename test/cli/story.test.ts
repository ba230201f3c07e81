import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { TextArtifact, TextEvaluation } from '../../src/text/index.ts'
import { type Finished, resultOf, tiny, workshop } from './atelier.ts'

interface Written {
  readonly artifacts: readonly TextArtifact[]
  readonly tokensPerSecond: number
}

/** What a user does, in order: trains, writes, measures, looks, makes again. */
describe('from a text to a run to new text', () => {
  const { run, path, write } = workshop()
  const prompted = ['generate', 'text', '--model', 'run', '--prompt', 'The ', '--max-tokens', '12', '--threads', '1']
  let trained: Finished

  beforeAll(async () => {
    trained = await run(['train', 'text', '--data', 'tiny.txt', '--out', 'run', ...tiny, '--json'])
  })

  test('train leaves a run and tells what it came to', () => {
    expect(trained.code, trained.stderr).toBe(0)
    const result = resultOf<Record<string, number>>(trained)
    expect(result).toMatchObject({
      run: 'run',
      report: join('run', 'report.html'),
      steps: 6,
      tokens: 768,
      stopped: false,
    })
    expect(result.bitsPerByte).toBeCloseTo(result.validationLoss! / Math.LN2, 2)
    for (const file of [
      'config.json',
      'model.safetensors',
      'tokenizer.json',
      'run.json',
      'metrics.jsonl',
      'report.html',
    ])
      expect(existsSync(path(join('run', file))), file).toBe(true)
  })

  test('train tells on stderr what happens, in plain lines where nobody watches', () => {
    expect(trained.stderr).toMatch(/corpus: 1 document/)
    expect(trained.stderr).toMatch(/step 3: held-out loss \d\.\d+, \d\.\d+ bits per byte/)
    expect(trained.stderr).not.toContain('\u001b')
  })

  test('generate streams the text alone to stdout, the same for the same seed', async () => {
    const [one, two, json] = await Promise.all([
      run([...prompted, '--seed', '5']),
      run([...prompted, '--seed', '5']),
      run([...prompted, '--seed', '5', '--json', '--log-probabilities']),
    ])
    const [artifact] = resultOf<Written>(json).artifacts
    expect(one.stdout).toBe(two.stdout)
    expect(one.stdout).toBe(`${artifact!.text}\n`)
    expect(artifact).toMatchObject({ prompt: 'The ', tokens: 12, seed: 5, finishReason: 'length' })
    const sum = artifact!.logProbabilities!.reduce((total, value) => total + value, 0)
    expect(artifact!.logProbability).toBeCloseTo(sum, 10)
  })

  test('generate draws a new seed where none is given, and shows it', async () => {
    const made = await Promise.all([run([...prompted, '--json']), run([...prompted, '--json'])])
    const seeds = made.map((one) => resultOf<Written>(one).artifacts[0]!.seed)
    expect(seeds[0]).not.toBe(seeds[1])
    made.forEach(({ stderr }, i) => {
      expect(stderr).toContain(`seed ${seeds[i]} · 12 tokens`)
    })
  })

  test('generate takes prompts from stdin, several of them, several texts each, and ends at a stop', async () => {
    const words = ['generate', 'text', '--model', 'run', '--threads', '1', '--json', '--seed', '1']
    const made = await run([...words, '--prompt', '-', '--prompt', 'The', '--n', '2', '--max-tokens', '8'], 'The cat\n')
    expect(resultOf<Written>(made).artifacts.map(({ prompt }) => prompt)).toEqual(['The cat', 'The cat', 'The', 'The'])
    const everything = ['e', 'a', 'o', 't', 's', ' ', 'r', 'n'].flatMap((text) => ['--stop', text])
    const stopped = await run([...words, '--prompt', 'The', '--logit-bias', '5=0', ...everything])
    expect(resultOf<Written>(stopped).artifacts[0]).toMatchObject({ finishReason: 'stop' })
  })

  test('evaluate measures the run, and keeps what it found', async () => {
    const done = await run(['evaluate', 'run', '--samples', '3', '--tokens', '20', '--threads', '1', '--json'])
    expect(done.code, done.stderr).toBe(0)
    const found = resultOf<Extract<TextEvaluation, { task: 'next' }>>(done)
    expect(found.validationLoss).toBeCloseTo(resultOf<{ validationLoss: number }>(trained).validationLoss, 5)
    expect(found.perplexity).toBeCloseTo(Math.exp(found.validationLoss), 6)
    expect(found.samples).toMatchObject({
      samples: 3,
      distinct1: expect.any(Number),
      copying: { rate: expect.any(Number) },
    })
    expect(JSON.parse(readFileSync(path('run/evaluation.json'), 'utf8'))).toEqual(found)
  })

  test('evaluate writes a card, with samples of sixteen seeds', async () => {
    const options = ['--card', '--samples', '2', '--tokens', '8', '--threads', '1', '--json']
    const done = await run(['evaluate', 'run', ...options])
    expect(done.code, done.stderr).toBe(0)
    const card = JSON.parse(readFileSync(path('run/card.json'), 'utf8'))
    expect(card).toMatchObject({ data: { sources: ['tiny.txt'] }, training: { steps: 6, tokens: 768 } })
    expect(card.evaluation).toEqual(resultOf(done))
    expect(card.samples.map(({ seed }: { seed: number }) => seed)).toEqual([...Array(16).keys()])
    const page = readFileSync(path('run/card.md'), 'utf8')
    expect(page).toMatch(/^# run\n/)
    expect(page).toContain(`| bits per byte | ${card.evaluation.bitsPerByte.toFixed(4)}`)
    for (const { text } of card.samples) expect(page).toContain(text)
  })

  test('evaluate measures other text on demand, with the engine named', async () => {
    const other = ['--data', 'tiny.txt', '--engine', 'cpu', '--samples', '0', '--threads', '1', '--json']
    expect(resultOf(await run(['evaluate', 'run', ...other]))).toMatchObject({ text: { source: ['tiny.txt'] } })
  })

  test('inspect tells parameters, work, memory and lineage', async () => {
    const [json, plain] = await Promise.all([run(['inspect', 'run', '--json']), run(['inspect', 'run'])])
    expect(resultOf(json)).toMatchObject({
      parameters: { total: resultOf<{ parameters: number }>(trained).parameters },
      flopsPerToken: { forward: expect.any(Number) },
      memory: { cachePerToken: 2 * 16 * 4 },
      lineage: { sources: ['tiny.txt'], steps: 6 },
    })
    expect(plain.stdout).toMatch(/shape +1 layers, width 16, 2 heads, context 32/)
  })

  test('remake makes an artifact again, and fails where it is not what was recorded', async () => {
    await run([...prompted, '--n', '2', '--out', 'two.json'])
    const same = await run(['remake', 'two.json', '--json'])
    expect(same.code, same.stderr).toBe(0)
    expect(resultOf<{ identical: boolean; remakes: unknown[] }>(same)).toMatchObject({ identical: true })
    const record = JSON.parse(readFileSync(path('two.json'), 'utf8')) as Written
    write('forged.json', JSON.stringify({ ...record.artifacts[1], text: 'something else' }))
    const other = await run(['remake', 'forged.json'])
    expect(other.code).toBe(1)
    expect(other.stdout).toMatch(/^text 2, seed \d+: not identical \(text\)/)
  })

  test('data describes a corpus and lists what is known', async () => {
    const [described, listed, got] = await Promise.all([
      run(['data', 'describe', '-', '--json'], 'One line of text.\n'),
      run(['data', 'list', '--json']),
      run(['data', 'get', 'state-of-the-union', '--out', 'copies', '--json']),
    ])
    expect(resultOf(described)).toMatchObject({ statistics: { documents: 1, bytes: 18 } })
    const { datasets, default: name } = resultOf<{ datasets: { name: string }[]; default: string }>(listed)
    expect(name).toBe('state-of-the-union')
    for (const dataset of datasets)
      expect(dataset).toMatchObject({ licence: expect.any(String), sha256: expect.stringMatching(/^[0-9a-f]{64}$/) })
    const { files } = resultOf<{ files: string[] }>(got)
    expect(files).toHaveLength(233)
    expect(files[0]).toMatch(/^copies.state-of-the-union.[^/]+\.txt$/)
    expect(files.every((file) => existsSync(path(file)))).toBe(true)
  })

  test('start lets the gallery write, trains, writes, and says where everything is; each time in a new folder', async () => {
    const words = ['start', '--data', 'tiny.txt', '--minutes', '0.002', '--threads', '1']
    const [first, second] = [await run([...words, '--json']), await run(words)]
    expect(first.code, first.stderr).toBe(0)
    expect(resultOf(first)).toMatchObject({ run: 'runs/first', stopped: false, artifacts: [{ kind: 'text' }] })
    expect(second.stdout).toMatch(
      /gallery\/en writes.*\nThe people of the United States[\s\S]*What it writes\nThe people of the United States/,
    )
    expect(second.stdout).toContain(join('runs/first-2', 'report.html'))
  })
})
