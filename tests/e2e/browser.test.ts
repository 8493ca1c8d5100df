import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath, pagesLack } from './chromium.ts'
import { complaintsOf, makeFirstAccount } from './first-visit.ts'
import { type Running, startObservatory } from './observatory.ts'

describe.skipIf(pagesLack !== '')(`the ops centre (needs ${pagesLack || 'Chromium'})`, () => {
  let observatory: Running
  let browser: Browser
  let page: Page
  let complaints: string[]

  beforeAll(async () => {
    observatory = await startObservatory()
    browser = await chromium.launch({ executablePath: chromiumPath!, args: ['--no-sandbox'] })
    page = await browser.newPage({ locale: 'en-US', viewport: { width: 1280, height: 800 } })
    page.setDefaultTimeout(30_000)
    complaints = complaintsOf(page)
    const lines = Array.from({ length: 6 }, (_, i) =>
      JSON.stringify({
        message: `Failed password for root from 203.0.113.9 port 4000${i} ssh2`,
        'process.name': 'sshd',
        'host.name': 'web-1',
      }),
    )
    await fetch(`${observatory.url}/api/ingest/events`, {
      method: 'POST',
      body: lines.join('\n'),
      headers: { 'content-type': 'application/x-ndjson' },
    })
  })
  afterAll(async () => {
    await browser.close()
    await observatory.dispose()
  })

  test('the printed link makes the first account and leads to the overview', async () => {
    await makeFirstAccount(page, observatory)
    await page.getByText('SSH password guessing').waitFor()
    await page.getByText('CPU busy').waitFor()
  })

  test('from the overview to the alert, to its evidence, to one event', async () => {
    await page.getByText('SSH password guessing').first().click()
    await page.getByRole('button', { name: 'Acknowledge' }).waitFor()
    await page.keyboard.press('a')
    await page.getByText('wei is on it').waitFor()
    await page.fill('textarea', 'known scanner')
    await page.getByRole('button', { name: 'Add note' }).click()
    await page.getByText('known scanner').waitFor()
    await page.getByRole('link', { name: 'Show what it saw' }).click()
    await page.waitForURL(/\/events\?/)
    await expect.poll(() => page.locator('td').getByText('Failed password for root').count()).toBeGreaterThanOrEqual(5)
    await page.keyboard.press('j')
    await page.getByRole('cell', { name: 'event.dataset', exact: true }).waitFor()
    await page.keyboard.press('Escape')
  })

  test('a wrong query says where it is wrong', async () => {
    await page.goto(`${observatory.url}/events`)
    await page.fill('input[list=fields]', 'host.name:(a or')
    await page.keyboard.press('Enter')
    await page.getByText('at position').waitFor()
  })

  test('a long list draws the rows in sight, and reaches its end', async () => {
    const lines = Array.from({ length: 900 }, (_, i) => JSON.stringify({ message: `row ${i} of many` }))
    await fetch(`${observatory.url}/api/ingest/events`, {
      method: 'POST',
      body: lines.join('\n'),
      headers: { 'content-type': 'application/x-ndjson' },
    })
    await page.goto(`${observatory.url}/events?q=${encodeURIComponent('message:"of many"')}`)
    const more = page.getByRole('button', { name: 'Show more' })
    const rows = page.locator('tr[data-row]')
    await rows.first().waitFor()
    for (let pages = 0; pages < 10 && (await more.isVisible()); pages++) {
      await page.locator('section.rows').evaluate((element) => element.scrollTo(0, element.scrollHeight))
      await more.click()
      await page.waitForTimeout(300)
    }
    await expect.poll(() => more.isVisible()).toBe(false)
    await page.locator('section.rows').evaluate((element) => element.scrollTo(0, element.scrollHeight))
    await expect.poll(() => rows.last().textContent()).toMatch(/row \d+ of many/)
    expect(await rows.count()).toBeLessThan(200)
    const height = await page
      .locator('section.rows table')
      .evaluate((element) => element.getBoundingClientRect().height)
    expect(height).toBeGreaterThan(900 * 20)
  })

  test('the command bar goes anywhere; language and theme change', async () => {
    await page.keyboard.press('Escape')
    await page.keyboard.press('Control+k')
    await page.keyboard.type('sources')
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/sources/)
    await page.getByText('http-events').first().waitFor()
    await page.getByRole('button', { name: 'Language' }).click()
    await page.getByRole('heading', { name: '数据源' }).first().waitFor()
    await page.getByRole('button', { name: '切换明暗' }).click()
    await expect.poll(() => page.locator('html').getAttribute('data-theme')).toBe('dark')
  })

  test('PromQL is drawn and listed', async () => {
    await page.goto(`${observatory.url}/explore/metrics?expr=${encodeURIComponent('node_load1')}&range=15m`)
    await page.locator('td').getByText('node_load1').first().waitFor()
    await page.locator('canvas').first().waitFor()
  })

  test('PromQL is completed from the keyboard', async () => {
    const box = page.getByRole('combobox', { name: 'PromQL' })
    await box.fill('')
    await box.pressSequentially('node_loa')
    await page.getByRole('option', { name: 'node_load1 ', exact: false }).first().waitFor()
    await page.keyboard.press('Tab')
    await expect.poll(() => box.inputValue()).toMatch(/^node_load\d+$/)
  })

  test('an expression is tried over history before it becomes a rule', async () => {
    await page.goto(`${observatory.url}/explore/rules`)
    await page.locator('tr[data-row]').first().waitFor()
    await page.keyboard.press('j')
    await page.getByRole('complementary').getByText('rules/metrics/', { exact: false }).first().waitFor()
    await page.keyboard.press('Escape')
    await page.goto(`${observatory.url}/explore/rules?range=15m&try=${encodeURIComponent('node_load1 >= 0')}`)
    await page.getByText(/Would have fired|会触发/).waitFor()
    await page.getByRole('complementary').locator('canvas').first().waitFor()
  })

  test('an unknown session is sent to sign in and comes back', async () => {
    await page.context().clearCookies()
    await page.goto(`${observatory.url}/sources`)
    await page.waitForURL(/\/sign-in\?back=/)
    await page.fill('input[autocomplete=username]', 'wei')
    await page.fill('input[type=password]', 'correct horse battery')
    await page.click('button.primary')
    await page.waitForURL(/\/sources$/)
  })

  test('nothing was complained of on the way, and the first page is small', async () => {
    expect(complaints).toEqual([])
    const fresh = await browser.newPage()
    let bytes = 0
    fresh.on('response', async (response) => {
      if (response.url().endsWith('.js'))
        bytes += Number(response.headers()['content-length'] ?? 0) || (await response.body()).length / 3
    })
    await fresh.goto(`${observatory.url}/sign-in`)
    await fresh.waitForLoadState('networkidle')
    expect(bytes).toBeLessThan(250_000)
    await fresh.close()
  })
})
