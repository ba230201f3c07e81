import { expect, it } from 'vitest'
import { told } from './told.ts'

const eventOf = (progress: number) => ({ progress })

/** Work that ends when it is aborted, or when `finish` is called. */
function work() {
  let finish = (_result: string) => {}
  const signals: AbortSignal[] = []
  const run = (onProgress: (progress: number) => void, signal: AbortSignal) => {
    signals.push(signal)
    onProgress(1)
    return new Promise<string>((resolve, reject) => {
      finish = resolve
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
  }
  return { run, signals, finish: (result: string) => finish(result) }
}

const untouched = (result: string) => expect.fail(`discarded ${result}`)

it('passes progress on and gives what the work comes to', async () => {
  const { run, finish } = work()
  const events = told(run, eventOf, { signal: undefined, discard: untouched })
  expect(await events.next()).toEqual({ done: false, value: { progress: 1 } })
  finish('done')
  expect(await events.next()).toEqual({ done: true, value: 'done' })
})

it('fails as the work fails, by the reason of an abort', async () => {
  const { run } = work()
  const stop = new AbortController()
  const events = told(run, eventOf, { signal: stop.signal, discard: untouched })
  await events.next()
  stop.abort(new Error('enough'))
  await expect(events.next()).rejects.toThrow('enough')
})

it('stops the work of who leaves, and discards what it came to all the same', async () => {
  const { run, signals } = work()
  for await (const _ of told(run, eventOf, { signal: undefined, discard: untouched })) break
  expect(signals[0]!.aborted).toBe(true)
  const discarded: string[] = []
  const deaf = async (onProgress: (progress: number) => void) => {
    onProgress(1)
    return 'whole'
  }
  for await (const _ of told(deaf, eventOf, { signal: undefined, discard: (result) => discarded.push(result) })) break
  expect(discarded).toEqual(['whole'])
})
