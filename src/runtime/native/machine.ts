import { readFileSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'

/** Vector instructions that change which kernels run, and so the last bits of results; the widest first. */
const vectorFlags = ['avx512f', 'avx2', 'avx', 'sse4_2', 'asimd'] as const

/** Cores that this process may use, hyper-threads not counted twice where the system tells (Linux). At least 1. */
export function physicalCores(info: string = readCpuInfo()): number {
  const packages = [...info.matchAll(/^physical id\s*:\s*(\d+)$/gm)].map(([, id]) => id)
  const cores = [...info.matchAll(/^core id\s*:\s*(\d+)$/gm)].map(([, id], index) => `${packages[index]}/${id}`)
  const counted = new Set(cores).size || Number.POSITIVE_INFINITY
  return Math.max(1, Math.min(availableParallelism(), counted))
}

/** Operating system, architecture and vector instructions, such as `linux-x64 avx512f`; the processor's name where the system hides them. */
export function describePlatform(info: string = readCpuInfo()): string {
  const flags = new Set(/^(?:flags|Features)\s*:\s*(.*)$/m.exec(info)?.[1]?.split(' '))
  const vector = vectorFlags.find((flag) => flags.has(flag)) ?? cpus()[0]?.model ?? 'unknown processor'
  return `${process.platform}-${process.arch} ${vector}`
}

function readCpuInfo(): string {
  if (process.platform !== 'linux') return ''
  try {
    return readFileSync('/proc/cpuinfo', 'utf8')
  } catch {
    return ''
  }
}
