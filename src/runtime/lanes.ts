/**
 * Lets at most `width` tasks run at once; the others wait in order.
 *
 * Native calls run on libuv's few threads (four by default), which file and image work needs too, and they share one
 * pool of compute threads anyway: two lanes let a short run pass a long one and leave the rest of the pool alone.
 */
export class Lanes {
  private free: number
  private readonly waiting: (() => void)[] = []
  private readonly idleListeners: (() => void)[] = []
  private readonly width: number

  constructor(width: number) {
    this.width = width
    this.free = width
  }

  /** Runs `task` when a lane is free. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    if (this.free > 0) this.free--
    else await new Promise<void>((resolve) => this.waiting.push(resolve))
    try {
      return await task()
    } finally {
      this.leave()
    }
  }

  /** Resolves when no task runs and none waits. */
  async idle(): Promise<void> {
    if (this.free < this.width) await new Promise<void>((resolve) => this.idleListeners.push(resolve))
  }

  private leave(): void {
    const next = this.waiting.shift()
    if (next) next()
    else if (++this.free === this.width) for (const listener of this.idleListeners.splice(0)) listener()
  }
}
