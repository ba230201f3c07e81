import { constants, copyFile, link, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises'
import { uptime } from 'node:os'
import { join, resolve } from 'node:path'
import { ConfigError } from '../errors.ts'
import { codeOf, fileError } from '../files/file-error.ts'
import { isRunning } from '../files/is-running.ts'
import { makeFolder } from '../files/make-folder.ts'

/** Locks that this process holds or is taking, by their paths. */
const held = new Set<string>()
let counter = 0

/**
 * Keeps a run to one training at a time: `RUN/training.lock` names the process that trains. A lock whose process is gone,
 * or which was made before the machine began to run, counts for nothing. It keeps people from beginning the same training
 * twice on one machine; it cannot see processes of another machine or container.
 */
export class RunLock {
  readonly #run: string
  readonly #path: string
  #own: string | undefined

  constructor(run: string) {
    this.#run = run
    this.#path = resolve(join(run, 'training.lock'))
  }

  /** Makes the folder and takes the lock. Throws {@link ConfigError} where another training has it, DataError for a place that can't be written. */
  async take(): Promise<void> {
    if (held.has(this.#path)) throw this.#taken(process.pid)
    held.add(this.#path)
    const own = JSON.stringify({ pid: process.pid, since: Date.now(), number: counter++ })
    const aside = `${this.#path}.${process.pid}-${counter}`
    try {
      await makeFolder(this.#run)
      await writeFile(aside, own)
      while (!(await appears(aside, this.#path))) await this.#clear(`${aside}-stale`)
      this.#own = own
    } catch (cause) {
      held.delete(this.#path)
      throw fileError('write', this.#path, cause)
    } finally {
      await rm(aside, { force: true }).catch(() => undefined)
    }
  }

  /** Gives the lock back, where it is held; a folder that holds nothing goes with it. */
  async release(): Promise<void> {
    if (this.#own === undefined) return
    if ((await contentOf(this.#path)) === this.#own) await rm(this.#path, { force: true })
    await rmdir(this.#run).catch(() => undefined)
    this.#own = undefined
    held.delete(this.#path)
  }

  /** Takes a lock away that counts for nothing; throws where it is another's. */
  async #clear(aside: string): Promise<void> {
    const content = await contentOf(this.#path)
    const pid = holderIn(content)
    if (pid !== undefined) throw this.#taken(pid)
    await rename(this.#path, aside).catch(ignoreMissing)
    if ((await contentOf(aside)) !== content) await rename(aside, this.#path).catch(ignoreMissing) // newer than what was read
    await rm(aside, { force: true })
  }

  #taken(pid: number): ConfigError {
    return new ConfigError(
      `train: ${this.#run} is being trained by process ${pid}; let it end or stop it, or choose another --out`,
      { run: this.#run, pid },
    )
  }
}

/** Gives a file a second name, whole at once; false where there is something of that name. */
async function appears(file: string, name: string): Promise<boolean> {
  const isThere = (error: unknown) => {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
  return link(file, name).then(
    () => true,
    (error: unknown) => {
      if (codeOf(error) === 'EEXIST') return false
      // a file system without links
      return copyFile(file, name, constants.COPYFILE_EXCL).then(() => true, isThere)
    },
  )
}

function contentOf(path: string): Promise<string | undefined> {
  return readFile(path, 'utf8').catch(() => undefined)
}

/** The process that a lock names, if it runs. */
function holderIn(content: string | undefined): number | undefined {
  const { pid, since } = parsed(content)
  if (!Number.isInteger(pid) || typeof since !== 'number') return undefined
  const machineBegan = Date.now() - 1000 * uptime()
  const isOld = since < machineBegan - 60_000
  const isOther = pid !== process.pid && isRunning(pid as number)
  return isOther && !isOld ? (pid as number) : undefined
}

function parsed(content: string | undefined): { pid?: unknown; since?: unknown } {
  try {
    return JSON.parse(content ?? '{}') ?? {}
  } catch {
    return {}
  }
}

function ignoreMissing(error: unknown): void {
  if (codeOf(error) !== 'ENOENT') throw error
}
