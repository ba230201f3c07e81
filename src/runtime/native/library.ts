import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { EngineError } from '../../errors.ts'

/** Where ONNX Runtime's shared library lies, and its version. */
export interface LibraryLocation {
  /** Absolute path. */
  readonly path: string
  /** Such as `1.30.0`. */
  readonly version: string
}

/** The library's file name on the systems that `onnxruntime-node` ships binaries for. */
const fileNames: Readonly<Record<string, string>> = {
  linux: 'libonnxruntime.so.1',
  darwin: 'libonnxruntime.1.dylib',
  win32: 'onnxruntime.dll',
}

/**
 * Finds the shared library that the `onnxruntime-node` package ships.
 *
 * Throws {@link EngineError} when the package is missing or has no binary for this machine (macOS x64 has none).
 */
export function findLibrary(
  resolve: (request: string) => string = createRequire(import.meta.url).resolve,
  platform: string = process.platform,
  architecture: string = process.arch,
): LibraryLocation {
  const manifest = findManifest(resolve)
  const name = fileNames[platform]
  const path = name && join(dirname(manifest), 'bin', 'napi-v6', platform, architecture, name)
  if (!path || !existsSync(path)) {
    throw new EngineError(
      `createEngine: onnxruntime-node ships no binary for ${platform}-${architecture}, wanted linux, Windows or macOS on arm64, or linux or Windows on x64; use such a machine, or an engine in a page`,
      { platform, architecture, path },
    )
  }
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }
  return { path, version }
}

function findManifest(resolve: (request: string) => string): string {
  try {
    return resolve('onnxruntime-node/package.json')
  } catch (cause) {
    throw new EngineError(
      'createEngine: the package onnxruntime-node is missing; npm install onnxruntime-node --onnxruntime-node-install=skip',
      {},
      { cause },
    )
  }
}
