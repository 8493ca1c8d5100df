import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath, pagesLack } from './chromium.ts'
import { makeFirstAccount } from './first-visit.ts'
import { type Running, startObservatory } from './observatory.ts'

const day = 86_400_000

describe.skipIf(pagesLack !== '')(`the scorecard (needs ${pagesLack || 'Chromium'})`, () => {
  let observatory: Running
  let browser: Browser
  let page: Page

  beforeAll(async () => {
    observatory = await startObservatory()
    // The middle of the month before, whatever today is.
    const now = new Date()
    const middleMs = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 1, 15)
    const lines = Array.from({ length: 40 }, (_, i) => {
      const channel = i % 4 === 0 ? 'window' : 'web'
      return JSON.stringify({
        ...{
          id: `T-${i}`,
          version: 1,
          source: 'test',
          region: i % 2 ? '440305' : '440106',
          department: `44-0${i % 3}`,
        },
        ...{ item: '44-00-001', category: '行政许可', channel, outcome: 'granted', extra: { synthetic: 'true' } },
        ...{ openedMs: middleMs - 5 * day, acceptedMs: middleMs - 5 * day, closedMs: middleMs + i * 60_000 },
        steps: [{ name: '申请', channel, channelRaw: channel, atMs: middleMs - 5 * day, actor: '' }],
      })
    })
    const answer = await fetch(`${observatory.url}/api/kpi/cases`, {
      method: 'POST',
      body: lines.join('\n'),
      headers: { authorization: `Bearer ${observatory.token}`, 'content-type': 'application/x-ndjson' },
    })
    expect([answer.status, await answer.text()]).toEqual([200, expect.stringContaining('"stored":40')])
    browser = await chromium.launch({ executablePath: chromiumPath!, args: ['--no-sandbox'] })
    page = await browser.newPage({ locale: 'en-US', viewport: { width: 1280, height: 900 } })
    page.setDefaultTimeout(30_000)
    await makeFirstAccount(page, observatory)
  })
  afterAll(async () => {
    await browser?.close()
    await observatory.dispose()
  })

  test('figure, city, case, and the case verifies in the browser', async () => {
    // The ledger takes cases in on its own schedule.
    const inclusion = `${observatory.url}/api/kpi/ledger/inclusion?kind=case&id=T-39&version=1`
    const headers = { authorization: `Bearer ${observatory.token}` }
    await expect.poll(async () => (await fetch(inclusion, { headers })).status).toBe(200)
    await page.goto(`${observatory.url}/scorecard`)
    await page.getByText('75\u2009%').first().waitFor()
    await page.getByRole('link', { name: 'Online completion rate' }).first().click()
    await page.getByRole('button', { name: '深圳市' }).click()
    await page
      .getByRole('button', { name: /^T-\d+$/ })
      .first()
      .click()
    await page.getByText('Verified in this browser').waitFor()
  })
})
