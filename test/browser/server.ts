import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { basename, dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const libraryFolder = dirname(fileURLToPath(import.meta.resolve('onnxruntime-web/wasm')))
const contentTypes: Readonly<Record<string, string>> = { '.wasm': 'application/wasm', '.mjs': 'text/javascript' }

/** The library stays outside of the bundle: it loads its own files from beside itself. */
const html = `<!doctype html>
<script type="importmap">
{ "imports": {
  "onnxruntime-web/wasm": "/onnxruntime-web/ort.wasm.min.mjs",
  "onnxruntime-web/webgpu": "/onnxruntime-web/ort.webgpu.min.mjs"
} }
</script>
<script type="module" src="/page.js"></script>`

/** A page's server on a free port of this machine. */
export interface PageServer {
  readonly url: string
  close(): Promise<void>
}

/** Serves the test page, cross-origin isolated so that it may use threads. */
export async function servePage(): Promise<PageServer> {
  const script = await bundlePage()
  const server = createServer(async (request, response) => {
    const { body, type } = await answer(request.url ?? '/', script)
    response.writeHead(body === undefined ? 404 : 200, {
      'content-type': type,
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
    })
    response.end(body)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const close = () => new Promise<void>((resolve) => server.close(() => resolve()))
  return { url: `http://127.0.0.1:${port}/`, close }
}

async function answer(url: string, script: string): Promise<{ body: string | Buffer | undefined; type: string }> {
  if (url === '/') return { body: html, type: 'text/html' }
  if (url === '/page.js') return { body: script, type: 'text/javascript' }
  const type = contentTypes[extname(url)] ?? 'application/octet-stream'
  if (!url.startsWith('/onnxruntime-web/')) return { body: undefined, type }
  return { body: await readFile(join(libraryFolder, basename(url))).catch(() => undefined), type }
}

async function bundlePage(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('page.ts', import.meta.url))],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    external: ['onnxruntime-web/*'],
  })
  return outputFiles[0]?.text ?? ''
}
