// Every page in both themes, judged by axe (WCAG 2.2 A and AA): nothing that keeps somebody out.
import axe from 'axe-core'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath } from './chromium.ts'
import { makeFirstAccount } from './first-visit.ts'
import { type Running, startObservatory } from './observatory.ts'
import {
  syntheticBodies,
  syntheticDownloads,
  syntheticEstate,
  syntheticOffice,
  syntheticProvince,
  syntheticScanner,
} from './synthetic.ts'

const lists = [
  '/alerts',
  '/events',
  '/explore/rules',
  '/security/findings',
  '/security/incidents',
  '/security/entities',
]
const detailed = [...lists, '/security/rules', '/security/sensitive', '/performance/integrity']
const settings = ['', 'rules', 'receivers', 'routing', 'silences', 'users', 'tokens', 'audit', 'config']
const plain = [
  ...['/', '/explore/metrics', '/explore/metrics?q=node_load1', '/sources', '/security', '/security/posture'],
  ...['/security/sensitive?view=downloads', '/security/sensitive?view=trace', '/scorecard', '/scorecard/on-time'],
  ...['/performance/three-sources', '/performance/questions', '/performance/coverage', '/performance/ledger', '/wall'],
  ...settings.map((tab) => `/settings?tab=${tab}`),
]
/** Too small a province is no province: some charts need several cities. */
const cases = 3000

describe.skipIf(!chromiumPath)('axe (needs chromium)', () => {
  let observatory: Running
  let browser: Browser
  let cookies: Awaited<ReturnType<ReturnType<Page['context']>['cookies']>>

  beforeAll(async () => {
    observatory = await startObservatory()
    await syntheticEstate(observatory)
    await syntheticOffice(observatory)
    await syntheticScanner(observatory)
    await syntheticBodies(observatory)
    await syntheticProvince(observatory, cases)
    await syntheticDownloads(observatory)
    browser = await chromium.launch({ executablePath: chromiumPath!, args: ['--no-sandbox'] })
    const page = await browser.newPage({ locale: 'en-US' })
    await makeFirstAccount(page, observatory)
    cookies = await page.context().cookies()
  }, 240_000)
  afterAll(async () => {
    await browser?.close()
    await observatory?.dispose()
  })

  test.each([
    ['light', 'en-US'],
    ['dark', 'zh-CN'],
  ] as const)(
    '%s, %s: no serious violation on any page',
    async (colorScheme, locale) => {
      const context = await browser.newContext({ colorScheme, locale, viewport: { width: 1280, height: 900 } })
      await context.addCookies(cookies)
      const page = await context.newPage()
      const found: string[] = []
      const judge = async (where: string): Promise<void> => {
        for (const one of await violations(page)) found.push(`${where}: ${one}`)
      }
      for (const path of plain) {
        await open(page, observatory.url + path)
        await judge(path)
      }
      for (const path of detailed) {
        await open(page, observatory.url + path)
        await judge(path)
        await page.locator('tr[data-row]').first().click()
        await page.locator('tr.selected, tr.chosen').first().waitFor()
        await judge(`${path} with its first row open`)
      }
      await context.close()
      expect(found).toEqual([])
    },
    300_000,
  )

  test('the door too: signing in', async () => {
    const page = await browser.newPage()
    await open(page, `${observatory.url}/sign-in`)
    expect(await violations(page)).toEqual([])
  })
})

/** Until nothing on it is a place kept for what is still being read. */
async function open(page: Page, url: string): Promise<void> {
  await page.goto(url)
  await page.waitForFunction(() => document.querySelector('main, .wall') && !document.querySelector('.skeleton'))
}

async function violations(page: Page): Promise<string[]> {
  // By the debugger: a script element would be refused by the content security policy, as it should.
  await page.evaluate(axe.source)
  const { violations: all } = await page.evaluate(
    async () =>
      await (globalThis as unknown as { axe: typeof axe }).axe.run(document, {
        runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'],
        resultTypes: ['violations'],
      }),
  )
  return all
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) =>
      nodes.slice(0, 3).map(({ target, failureSummary }) => `${id} ${target.join(' ')} ${failureSummary ?? ''}`),
    )
}
