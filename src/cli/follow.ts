import type { Progress } from './progress.ts'

/** Shows each event of a training until its end, and gives what it came to; the bar is gone afterwards, whatever happens. */
export async function follow<Event, Result>(
  events: AsyncGenerator<Event, Result>,
  progress: Progress,
  show: (event: Event) => void,
): Promise<Result> {
  try {
    for (;;) {
      const { done, value } = await events.next()
      if (done) return value
      show(value)
    }
  } finally {
    progress.end()
  }
}
