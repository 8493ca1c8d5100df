// Pictures of pages of this build, on synthetic data: npm run screenshots -- DIRECTORY [PATH…] [--only light-en,phone-zh]
// A path that ends in `+` opens the first row of its list.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import { chromiumPath } from './chromium.ts'
import { makeFirstAccount } from './first-visit.ts'
import { startObservatory } from './observatory.ts'
import {
  syntheticBodies,
  syntheticDownloads,
  syntheticEstate,
  syntheticLeaks,
  syntheticOffice,
  syntheticProvince,
  syntheticScanner,
} from './synthetic.ts'
import { syntheticRouting } from './synthetic-routing.ts'

const looks = {
  'light-en': { colorScheme: 'light', locale: 'en-US', viewport: { width: 1280, height: 800 } },
  'dark-zh': { colorScheme: 'dark', locale: 'zh-CN', viewport: { width: 1280, height: 800 } },
  'wide-zh': { colorScheme: 'light', locale: 'zh-CN', viewport: { width: 1920, height: 1080 } },
  // What is below the fold: the page scrolls inside, so a whole one needs a tall window.
  'tall-en': { colorScheme: 'light', locale: 'en-US', viewport: { width: 1280, height: 2600 } },
  'tall-zh': { colorScheme: 'dark', locale: 'zh-CN', viewport: { width: 1280, height: 2600 } },
  'phone-zh': { colorScheme: 'light', locale: 'zh-CN', viewport: { width: 390, height: 844 } },
  'phone-en': { colorScheme: 'dark', locale: 'en-US', viewport: { width: 390, height: 844 } },
} as const

const [directory = 'screenshots', ...rest] = process.argv.slice(2)
const at = rest.indexOf('--only')
const only = at >= 0 ? rest[at + 1]!.split(',') : Object.keys(looks)
const paths = (at >= 0 ? rest.slice(0, at) : rest).filter((one) => one.startsWith('/'))
await mkdir(directory, { recursive: true })

const routing = await syntheticRouting()
const observatory = await startObservatory({ alerts: routing.alerts })
await syntheticEstate(observatory)
await syntheticOffice(observatory)
await syntheticScanner(observatory)
await syntheticBodies(observatory)
await syntheticLeaks(observatory)
// A minute of its own: only for who looks at it.
if (paths.some((path) => /^\/(scorecard|performance|wall)/.test(path))) await syntheticProvince(observatory)
const browser = await chromium.launch({ executablePath: chromiumPath!, args: ['--no-sandbox'] })
try {
  const setup = await browser.newPage({ locale: 'en-US' })
  await makeFirstAccount(setup, observatory)
  await setup.waitForTimeout(8000)
  await syntheticDownloads(observatory)
  const cookies = await setup.context().cookies()
  for (const [name, look] of Object.entries(looks)) {
    if (!only.includes(name)) continue
    const context = await browser.newContext(look)
    await context.addCookies(cookies)
    const page = await context.newPage()
    page.on('pageerror', (error) => console.error(`${name}: ${error.message}`))
    page.on('console', (message) => {
      if (message.type() === 'error') console.error(`${name}: ${message.text()}`)
    })
    for (const path of paths.length > 0 ? paths : ['/']) {
      await page.goto(observatory.url + path.replace(/\+$/, ''))
      await page.waitForLoadState('networkidle', { timeout: 4000 }).catch(() => {})
      if (path.endsWith('+'))
        await page
          .locator('tr[data-row]')
          .first()
          .click({ timeout: 4000 })
          .catch(() => console.error(`${name} ${path}: no row to open`))
      await page.waitForTimeout(700)
      const file = join(
        directory,
        `${path.replace('+', '_first').replace(/\W+/g, '_').replace(/^_|_$/g, '') || 'overview'}-${name}.png`,
      )
      await page.screenshot({ path: file })
      console.log(file)
    }
    await context.close()
  }
} finally {
  await browser.close()
  await observatory.dispose()
  routing.close()
}
process.exit(0)
