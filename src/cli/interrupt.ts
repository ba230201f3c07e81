/** npm sends its child the signal that the terminal has sent already: what follows this soon is the same Ctrl-C. */
const sameMs = 500

/**
 * Runs work that the first Ctrl-C (or SIGTERM) asks to stop, by a signal, and the second ends at once.
 * `onStop` hears of the first.
 */
export async function interruptible<T>(onStop: () => void, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  let firstAt = 0
  const hear = (name: NodeJS.Signals) => {
    if (controller.signal.aborted && performance.now() - firstAt > sameMs) return endAtOnce(name)
    if (controller.signal.aborted) return
    firstAt = performance.now()
    onStop()
    controller.abort()
  }
  const names = ['SIGINT', 'SIGTERM'] as const
  for (const name of names) process.on(name, hear)
  try {
    return await work(controller.signal)
  } finally {
    for (const name of names) process.off(name, hear)
  }
}

/** Dies of the signal, as one that nobody handles: native threads are not waited for. */
function endAtOnce(name: NodeJS.Signals): void {
  process.removeAllListeners(name)
  process.kill(process.pid, name)
}
