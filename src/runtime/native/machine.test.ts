import { createRequire } from 'node:module'
import { availableParallelism } from 'node:os'
import { isAbsolute } from 'node:path'
import { describe, expect, it } from 'vitest'
import { EngineError } from '../../errors.ts'
import { findLibrary } from './library.ts'
import { describePlatform, physicalCores } from './machine.ts'

const resolve = createRequire(import.meta.url).resolve

describe('findLibrary', () => {
  it('finds the absolute path of the shipped library', () => {
    const { path, version } = findLibrary()
    expect(isAbsolute(path)).toBe(true)
    expect(version).toMatch(/^\d+\.\d+\.\d+/)
  })

  it('knows the file of each system', () => {
    expect(findLibrary(resolve, 'win32', 'x64').path).toMatch(/onnxruntime\.dll$/)
    expect(findLibrary(resolve, 'darwin', 'arm64').path).toMatch(/libonnxruntime\.1\.dylib$/)
  })

  it('says plainly where there is no binary, or no package', () => {
    expect(() => findLibrary(resolve, 'darwin', 'x64')).toThrow(/ships no binary for darwin-x64, wanted/)
    expect(() => findLibrary(resolve, 'sunos', 'x64')).toThrow(EngineError)
    const nothing = () => {
      throw new Error('not found')
    }
    expect(() => findLibrary(nothing)).toThrow(/onnxruntime-node is missing; npm install onnxruntime-node/)
  })
})

describe('machine', () => {
  const hyperThreaded = '0011'.split('').map((core) => `flags\t\t: fpu avx2\nphysical id\t: 0\ncore id\t\t: ${core}\n`)

  it('counts a core with two hyper-threads once', () => {
    expect(physicalCores(hyperThreaded.join('\n'))).toBe(Math.min(2, availableParallelism()))
    expect(physicalCores('')).toBe(availableParallelism())
  })

  it('names the widest vector instructions', () => {
    expect(describePlatform(hyperThreaded.join('\n'))).toBe(`${process.platform}-${process.arch} avx2`)
    expect(describePlatform('Features : fp asimd')).toMatch(/ asimd$/)
  })
})
