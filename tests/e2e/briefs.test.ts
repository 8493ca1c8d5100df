import { writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath, pagesLack } from './chromium.ts'
import { makeFirstAccount } from './first-visit.ts'
import { type Running, startObservatory } from './observatory.ts'

const day = 86_400_000
/** The month before, whatever today is. */
const now = new Date()
const middleMs = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 1, 15)
const month = new Date(middleMs).toISOString().slice(0, 7)

describe.skipIf(pagesLack !== '')(`briefs (need ${pagesLack || 'Chromium'})`, () => {
  let observatory: Running
  let office: Server
  let browser: Browser
  let page: Page
  const told: string[] = []
  const complaints: string[] = []
  const as = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })

  beforeAll(async () => {
    office = createServer(async (request, response) => {
      let body = ''
      for await (const part of request) body += part
      told.push(body)
      response.end()
    })
    await new Promise<void>((done) => office.listen(0, '127.0.0.1', done))
    const url = `http://127.0.0.1:${(office.address() as AddressInfo).port}/`
    const secret = `whsec_${Buffer.alloc(32, 1).toString('base64')}`
    observatory = await startObservatory({
      kpi: { briefs: [{ name: 'monthly', every: 'month', receivers: ['office'], attach: ['pdf'] }] },
      alerts: { receivers: [{ kind: 'webhook', name: 'office', url, secret, allowPrivate: true, alerts: false }] },
    })
    const lines = Array.from({ length: 40 }, (_, i) => {
      const channel = i % 4 === 0 ? 'window' : 'web'
      // The month and the one before it.
      const atMs = i < 30 ? middleMs : middleMs - 31 * day
      return JSON.stringify({
        ...{
          id: `B-${i}`,
          version: 1,
          source: 'test',
          region: i % 2 ? '440305' : '440106',
          department: `44-0${i % 3}`,
        },
        ...{ item: '44-00-001', category: '行政许可', channel, outcome: 'granted', extra: { synthetic: 'true' } },
        ...{ openedMs: atMs - 5 * day, acceptedMs: atMs - 5 * day, closedMs: atMs + i * 60_000 },
        steps: [{ name: '申请', channel, channelRaw: channel, atMs: atMs - 5 * day, actor: '' }],
      })
    })
    const answer = await fetch(`${observatory.url}/api/kpi/cases`, {
      ...{ method: 'POST', body: lines.join('\n') },
      headers: { authorization: `Bearer ${observatory.token}`, 'content-type': 'application/x-ndjson' },
    })
    expect(answer.status).toBe(200)
    browser = await chromium.launch({ executablePath: chromiumPath!, args: ['--no-sandbox'] })
    page = await browser.newPage({ locale: 'en-US', viewport: { width: 1280, height: 900 } })
    page.setDefaultTimeout(30_000)
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text())
    })
    await makeFirstAccount(page, observatory)
  })
  afterAll(async () => {
    await browser?.close()
    await observatory.dispose()
    office.close()
  })

  test('an issue made on the page is numbered, told, and its file is what was told', async () => {
    await page.goto(`${observatory.url}/performance/briefs`)
    await page.getByText('Nothing was issued yet').waitFor()
    await page.getByRole('textbox', { name: 'Period' }).fill(month)
    await page.getByRole('button', { name: 'Issue now' }).click()
    await page.getByText('No. 1 (1 of all)').waitFor()
    await page.getByText('delivered').first().waitFor()
    await page.getByText(/leaf \d+ of the ledger/).waitFor()
    expect(told).toHaveLength(1)
    const { data } = JSON.parse(told[0]!)
    const file = await fetch(
      `${observatory.url}/api/kpi/briefs/file?issue=monthly/${month}&format=pdf`,
      as(observatory.token),
    )
    expect(file.headers.get('content-type')).toBe('application/pdf')
    expect(Buffer.from(await file.arrayBuffer()).toString('base64')).toBe(data.attachments[0].content)
    // Twice it cannot be issued, and the page says so.
    await page.getByRole('textbox', { name: 'Period' }).fill(month)
    await page.getByRole('button', { name: 'Issue now' }).click()
    await page.getByText('it was issued before').waitFor()
    complaints.length = 0
  })

  test('who answers for a city neither sees nor gets the brief of the province', async () => {
    const actor = { kind: 'system', id: 'test', name: 'test', role: 'system', address: '' } as const
    const { secret } = await observatory.parts.people.addToken(actor, {
      ...{ name: 'shenzhen', role: 'leader', scopes: ['read', 'write'], expiresMs: null },
      jurisdiction: { regions: ['440300'], departments: [] },
    })
    const list = await fetch(`${observatory.url}/api/kpi/briefs`, as(secret))
    expect(await list.json()).toEqual({ series: [], issues: [] })
    const file = await fetch(`${observatory.url}/api/kpi/briefs/file?issue=monthly/${month}&format=pdf`, as(secret))
    expect(file.status).toBe(404)
    const order = await fetch(`${observatory.url}/api/kpi/briefs/issues`, {
      ...{ method: 'POST', body: JSON.stringify({ series: 'monthly', period: month }) },
      headers: { ...as(secret).headers, 'content-type': 'application/json' },
    })
    expect(order.status).toBe(404)
    const own = await fetch(`${observatory.url}/api/kpi/brief?period=${month}&format=html`, as(secret))
    const html = await own.text()
    expect(html).toContain('深圳市')
    expect(html).not.toContain('广州市')
  })

  test('the offline page opens from a disk, asks for nothing and unfolds', async () => {
    const answer = await fetch(
      `${observatory.url}/api/kpi/brief?period=${month}&format=html&language=en`,
      as(observatory.token),
    )
    const path = join(observatory.directory, 'brief.html')
    await writeFile(path, Buffer.from(await answer.arrayBuffer()))
    const context = await browser.newContext({ offline: true })
    const alone = await context.newPage()
    const asked: string[] = []
    const said: string[] = []
    alone.on('request', (request) => asked.push(request.url()))
    alone.on('console', (message) => said.push(message.text()))
    await alone.goto(pathToFileURL(path).href)
    await alone.getByText('How to verify').waitFor()
    await alone
      .getByText(/^Cities and departments/)
      .first()
      .click()
    const city = alone.getByText('深圳市').first()
    await city.waitFor()
    await city.click()
    await alone.getByRole('cell', { name: '44-00' }).first().waitFor()
    expect([asked.length, said]).toEqual([1, []])
    await context.close()
  })

  test('the scorecard and an indicator print on few pages, without what is for the screen', async () => {
    for (const path of ['/scorecard', '/scorecard/online-completion']) {
      await page.goto(observatory.url + path)
      // Of a city's name the first may stand in a list to choose from.
      const city =
        path === '/scorecard'
          ? page.getByRole('rowheader', { name: '广州市' })
          : page.getByRole('button', { name: '深圳市' })
      await city.first().waitFor()
      const pdf = await page.pdf({ format: 'A4' })
      await writeFile(join(observatory.directory, 'print.pdf'), pdf)
      if (process.env['LOOK']) await writeFile(`/tmp/brief-look/print${path.replaceAll('/', '-')}.pdf`, pdf)
      const pages = pdf.toString('latin1').match(/\/Type\s*\/Page\b/g)?.length ?? 0
      expect(pages).toBeGreaterThan(0)
      expect(pages).toBeLessThan(8)
      await page.emulateMedia({ media: 'print' })
      expect(await page.getByRole('heading', { level: 1 }).first().isVisible()).toBe(true)
      expect(await page.locator('.shell > nav').isVisible()).toBe(false)
      expect(await page.locator('a.button:visible, .no-print:visible').count()).toBe(0)
      // What can be clicked on the screen is a name on paper.
      expect(
        await page
          .getByText(path === '/scorecard' ? '广州市' : '深圳市')
          .first()
          .isVisible(),
      ).toBe(true)
      await page.emulateMedia({ media: 'screen' })
    }
  })

  test('traditional characters are loaded when they are wanted, and stay after a reload', async () => {
    await page.goto(`${observatory.url}/settings`)
    await page.getByRole('button', { name: '繁體中文' }).click()
    await page.getByRole('link', { name: '簡報' }).first().waitFor()
    await page.reload()
    await page.getByRole('link', { name: '簡報' }).first().waitFor()
    expect(await page.getAttribute('html', 'lang')).toBe('zh-Hant')
    await page.getByRole('button', { name: 'English' }).click()
    await page.getByRole('link', { name: 'Briefs' }).first().waitFor()
    expect(complaints).toEqual([])
  })
})
