/**
 * Runs work that calls back with its progress, passing the latest on as events; gives what the work came to. Who leaves
 * before the end stops it by its signal, which aborts with `signal` too; what it came to all the same is discarded.
 */
export async function* told<Progress, Event, Result>(
  work: (onProgress: (progress: Progress) => void, signal: AbortSignal) => Promise<Result>,
  eventOf: (progress: Progress) => Event,
  { signal, discard }: { readonly signal: AbortSignal | undefined; readonly discard: (result: Result) => void },
): AsyncGenerator<Event, Result> {
  const left = new AbortController()
  const pending: Progress[] = []
  let wake = () => {}
  const done = work(
    (progress) => {
      pending.push(progress)
      wake()
    },
    signal ? AbortSignal.any([signal, left.signal]) : left.signal,
  )
  const settled = done.then(
    () => true,
    () => true,
  )
  let stays = false
  try {
    for (let finished = false; !finished; ) {
      const woken = new Promise<false>((resolve) => (wake = () => resolve(false)))
      finished = pending.length === 0 && (await Promise.race([settled, woken]))
      const latest = pending.splice(0).at(-1)
      if (latest !== undefined) yield eventOf(latest)
    }
    stays = true
    return await done
  } finally {
    if (!stays) {
      left.abort()
      await done.then(discard, () => undefined)
    }
  }
}
