import { existsSync } from 'node:fs'
import type { Browser } from 'playwright-core'
import { chromium } from 'playwright-core'

const places = [
  process.env.CHROMIUM,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  'C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe',
]

/** Path of a Chromium: the environment variable `CHROMIUM`, or where systems put it. */
export function findChromium(): string | undefined {
  const path = places.find((place) => place !== undefined && place !== '' && existsSync(place))
  if (path === undefined)
    console.warn('browser tests skipped: no Chromium found; install one or set CHROMIUM to its path')
  return path
}

/** A headless Chromium whose WebGPU computes on the processor, so that tests need no graphics card. */
export function launchChromium(executablePath: string): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--enable-unsafe-webgpu',
      '--use-webgpu-adapter=swiftshader',
      '--enable-features=Vulkan',
      '--disable-dev-shm-usage',
    ],
  })
}
