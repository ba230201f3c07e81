// Runs a peer in headless Chromium, where both libraries have SIMD and threads (Node gives them one thread):
//
//     node run.mjs tfjs-gpt.ts steps=5            prints one JSON line
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { build } from 'esbuild'
import { chromium } from 'playwright-core'

const [file, ...settings] = process.argv.slice(2)
if (!file) throw new Error('run: name a file, such as tfjs-gpt.ts')
const { outputFiles } = await build({
  entryPoints: [file],
  bundle: true,
  write: false,
  format: 'esm',
  target: 'es2022',
})
const wasm = dirname(createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm'))

// Threads need a cross-origin isolated page.
const server = createServer(({ url = '/' }, response) => {
  response.setHeader('Cross-Origin-Opener-Policy', 'same-origin')
  response.setHeader('Cross-Origin-Embedder-Policy', 'require-corp')
  if (url.startsWith('/tfjs-wasm/')) {
    response
      .setHeader('Content-Type', 'application/wasm')
      .end(readFileSync(join(wasm, url.slice('/tfjs-wasm/'.length))))
  } else if (url === '/main.js') {
    response.setHeader('Content-Type', 'text/javascript').end(outputFiles[0].text)
  } else {
    response.setHeader('Content-Type', 'text/html').end('<!doctype html><script type="module" src="/main.js"></script>')
  }
}).listen(0)

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium'
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
const page = await browser.newPage()
// TensorFlow.js takes at most half of the cores that the browser reports; report double so that it uses all.
if (file.startsWith('tfjs')) {
  await page.addInitScript(() => {
    const cores = navigator.hardwareConcurrency
    Object.defineProperty(Navigator.prototype, 'hardwareConcurrency', { get: () => 2 * cores })
  })
}
await new Promise((done, fail) => {
  page.on('pageerror', fail)
  page.on('crash', () => fail(new Error('run: the page crashed')))
  browser.on('disconnected', () => fail(new Error('run: the browser went away')))
  page.on('console', (message) => {
    const text = message.text()
    if (!text.startsWith('{"job"')) return console.error(text)
    console.log(text)
    done()
  })
  page.goto(`http://localhost:${server.address().port}/?${settings.join('&')}`)
})
await browser.close()
server.close()
