import { existsSync } from 'node:fs'
import { join } from 'node:path'

/** Where Debian, Ubuntu and others put it. */
export const chromiumPath = [
  process.env['CHROMIUM_PATH'] ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find((path) => path !== '' && existsSync(path))

const isBuilt = existsSync(join(import.meta.dirname, '../../web/build/index.html'))

/** What a test that looks at pages lacks here; empty where it can run. */
export const pagesLack = [
  ...(chromiumPath === undefined ? ['Chromium'] : []),
  ...(isBuilt ? [] : ['npm run build:web']),
].join(' and ')
