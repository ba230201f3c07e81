import { readFile, rm, rmdir, writeFile } from 'node:fs/promises'
import { uptime } from 'node:os'
import { join } from 'node:path'
import { ConfigError } from '../errors.ts'
import { fileError } from '../files/file-error.ts'
import { isRunning } from '../files/is-running.ts'
import { makeFolder } from '../files/make-folder.ts'

/** Locks that this process holds, by their paths. */
const held = new Set<string>()

/**
 * Keeps a run to one training at a time: `RUN/training.lock` names the process that trains. A lock whose process is gone,
 * or which was made before the machine began to run, counts for nothing. It keeps people from beginning the same training
 * twice on one machine; it cannot see processes of another machine or container.
 */
export class RunLock {
  readonly #run: string
  readonly #path: string
  #isHeld = false

  constructor(run: string) {
    this.#run = run
    this.#path = join(run, 'training.lock')
  }

  /** Makes the folder and takes the lock. Throws {@link ConfigError} where another training has it or it can't be written. */
  async take(): Promise<void> {
    await makeFolder(this.#run, ConfigError)
    const own = JSON.stringify({ pid: process.pid, since: Date.now() })
    while (!this.#isHeld) {
      try {
        await writeFile(this.#path, own, { flag: 'wx' })
        this.#isHeld = true
        held.add(this.#path)
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw fileError('write', this.#path, cause, ConfigError)
        const pid = await this.#holder()
        if (pid !== undefined)
          throw new ConfigError(
            `train: ${this.#run} is being trained by process ${pid}; let it end or stop it, or choose another --out`,
            { run: this.#run, pid },
          )
        await rm(this.#path, { force: true })
      }
    }
  }

  /** Gives the lock back, where it is held; a folder that holds nothing goes with it. */
  async release(): Promise<void> {
    if (!this.#isHeld) return
    await rm(this.#path, { force: true })
    await rmdir(this.#run).catch(() => undefined)
    this.#isHeld = false
    held.delete(this.#path)
  }

  /** The process that has the lock, if it runs. */
  async #holder(): Promise<number | undefined> {
    const { pid, since } = await readFile(this.#path, 'utf8')
      .then((text) => JSON.parse(text) as { pid?: unknown; since?: unknown })
      .catch(() => ({ pid: undefined, since: undefined }))
    if (!Number.isInteger(pid) || typeof since !== 'number') return undefined
    const machineBegan = Date.now() - 1000 * uptime()
    if (since < machineBegan - 60_000) return undefined
    const isHeld = pid === process.pid ? held.has(this.#path) : isRunning(pid as number)
    return isHeld ? (pid as number) : undefined
  }
}
