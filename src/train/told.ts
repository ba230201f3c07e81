/** Runs work that calls back with its progress, passing the latest on as events; gives what the work came to. */
export async function* told<Progress, Event, Result>(
  work: (onProgress: (progress: Progress) => void) => Promise<Result>,
  eventOf: (progress: Progress) => Event,
): AsyncGenerator<Event, Result> {
  const pending: Progress[] = []
  let wake = () => {}
  const done = work((progress) => {
    pending.push(progress)
    wake()
  })
  const settled = done.then(
    () => true,
    () => true,
  )
  for (let finished = false; !finished; ) {
    finished = await Promise.race([settled, new Promise<false>((resolve) => (wake = () => resolve(false)))])
    const latest = pending.splice(0).at(-1)
    if (latest !== undefined) yield eventOf(latest)
  }
  return done
}
