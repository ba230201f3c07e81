import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

/** The project's folder; compiled benches lie one folder below it, as their sources do. */
export const projectFolder = fileURLToPath(new URL('../', import.meta.url))

/** Ends the bench with one line that says what is missing. */
export function refuse(line: string): never {
  console.error(`bench: ${line}`)
  process.exit(2)
}

/** Runs a command and reads the last line of its stdout that is a JSON object. */
export async function runJson<T>(command: string, args: readonly string[], folder = projectFolder): Promise<T> {
  const child = spawn(command, args, { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    text += piece
  })
  const code = await new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve))
  const line = text.split('\n').findLast((candidate) => candidate.startsWith('{'))
  if (code !== 0 || line === undefined)
    throw new Error(`${command} ${args.join(' ')}: ended with ${code} and ${line ? 'a' : 'no'} result`)
  return JSON.parse(line) as T
}

/** Starts this bench again in a process of its own, to be one side of the comparison. */
export function runSide<T>(side: string, settings: Readonly<Record<string, number>>): Promise<T> {
  const pairs = Object.entries(settings).map(([key, value]) => `${key}=${value}`)
  return runJson<T>(process.execPath, ['--enable-source-maps', process.argv[1]!, `side=${side}`, ...pairs])
}

/** Which side this process is, where {@link runSide} started it. */
export function sideOfThisProcess(): string | undefined {
  return process.argv.find((word) => word.startsWith('side='))?.slice('side='.length)
}

/** Numbers given as `key=value` on the command line, over the defaults; refuses other keys. */
export function settingsOf<T extends Readonly<Record<string, number>>>(defaults: T): T {
  const settings: Record<string, number> = { ...defaults }
  for (const word of process.argv.slice(2)) {
    const [key = '', text] = word.split('=')
    if (key === 'side') continue
    if (!(key in defaults) || !Number.isFinite(Number(text)))
      refuse(`unknown setting ${word}; settings are ${Object.keys(defaults).join(', ')}, each as key=number`)
    settings[key] = Number(text)
  }
  return settings as T
}

/** What `torch_peers.py` prints. */
export interface TorchResult {
  readonly best_s: number
  readonly median_s: number
  readonly peak_mb: number
  readonly torch: string
}

/** Runs PyTorch's side by the Python that `ATELIER_PYTHON` names. */
export function runTorch(...args: string[]): Promise<TorchResult> {
  return runJson(pythonPath(), ['bench/peers/torch_peers.py', ...args])
}

/** The Python that has PyTorch; refuses where none is named. */
export function pythonPath(): string {
  const path = process.env.ATELIER_PYTHON
  return path || refuse('set ATELIER_PYTHON to the Python of an environment as bench/peers/torch_peers.py describes')
}
