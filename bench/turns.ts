/** What a side measured in one turn. Memory is the peak resident set of its process. */
export interface Turn {
  readonly best_s: number
  readonly median_s: number
  readonly peak_mb: number
}

/** The middle value. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN
}

/** Every side once a round, in order, so that all meet the machine's moods alike. */
export async function inTurns<K extends string, T extends Turn>(
  rounds: number,
  sides: Readonly<Record<K, () => Promise<T>>>,
): Promise<Record<K, T[]>> {
  const turns = Object.fromEntries(Object.keys(sides).map((name) => [name, []])) as unknown as Record<K, T[]>
  for (let round = 1; round <= rounds; round++) {
    for (const [name, run] of Object.entries(sides) as [K, () => Promise<T>][]) {
      const turn = await run()
      turns[name].push(turn)
      const milliseconds = [turn.median_s, turn.best_s].map((seconds) => (seconds * 1e3).toFixed(2))
      console.log(`${round}/${rounds} ${name}: ${milliseconds.join(', best ')} ms, ${turn.peak_mb.toFixed(0)} MB`)
    }
  }
  return turns
}

/** The median turn's median, the best of all, and the most memory. */
export function summary(turns: readonly Turn[]): Turn {
  return {
    median_s: median(turns.map((turn) => turn.median_s)),
    best_s: Math.min(...turns.map((turn) => turn.best_s)),
    peak_mb: median(turns.map((turn) => turn.peak_mb)),
  }
}

/** Times `step` after two runs to warm up: for `seconds`, and at least `least` times. */
export async function timed(step: () => unknown, seconds: number, least: number): Promise<Turn> {
  for (let i = 0; i < 2; i++) await step()
  const times: number[] = []
  const begin = performance.now()
  while (times.length < least || performance.now() - begin < seconds * 1e3) {
    const start = performance.now()
    await step()
    times.push((performance.now() - start) / 1e3)
  }
  return { best_s: Math.min(...times), median_s: median(times), peak_mb: process.resourceUsage().maxRSS / 1e3 }
}
