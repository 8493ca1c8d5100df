import { type Browser, chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { nginx, startMirroringNginx } from '#collectors/http-mirror/testing.ts'
import { synthetic as syntheticNumbers } from '#security/sensitive/testing.ts'
import { chromiumPath, pagesLack } from './chromium.ts'
import { makeFirstAccount } from './first-visit.ts'
import { type Running, startObservatory } from './observatory.ts'
import { syntheticBodies, syntheticEstate } from './synthetic.ts'

let observatory: Running
beforeAll(async () => {
  observatory = await startObservatory()
  await syntheticEstate(observatory)
  await syntheticBodies(observatory)
})
afterAll(() => observatory.dispose())

interface Summary {
  total: number
  byKind: { value: string; count: number }[]
  people: { value: string; count: number }[]
  trend: { count: number; grave: number }[]
}
interface Find {
  id: string
  user: string
  path: string
  department: string
  spots: { where: string; sample: string }[]
  values: { kind: string; count: number }[]
}
const summary = (more = '') => observatory.get<Summary>(`/api/security/sensitive?${more}`)
const finds = async (q = '') =>
  (await observatory.get<{ finds: Find[] }>(`/api/security/sensitive/finds?limit=200&q=${encodeURIComponent(q)}`)).finds

test('finds say what, where and who, are searched like any event, and hold none of the data', async () => {
  await expect.poll(async () => (await summary()).total).toBe(51)
  const { byKind, people, trend } = await summary()
  expect(byKind[0]).toEqual({ value: 'resident-id', count: 34 })
  expect(people.map(({ value }) => value)).toContain('wei')
  expect(trend.reduce((sum, { grave }) => sum + grave, 0)).toBe(35)
  const [bulk] = await finds('user.name:wei and url.path:"/api/people/export"')
  expect(bulk).toMatchObject({
    ...{ user: 'wei', department: '广东省政务服务数据管理局' },
    values: [
      { kind: 'resident-id', count: 120 },
      { kind: 'mobile', count: 120 },
    ],
  })
  expect(bulk!.spots.map(({ where }) => where).sort()).toEqual(['list[].contact.phone', 'list[].idCard'])
  expect(bulk!.spots.every(({ sample }) => sample.includes('***'))).toBe(true)
  const whole = await observatory.get<{ events: object[] }>(
    `/api/events?q=${encodeURIComponent('event.dataset:guanlan.sensitive')}&limit=200`,
  )
  expect(JSON.stringify(whole)).not.toMatch(/hashes|\d{17}[\dX]/)
})

test('much at once becomes an alert, as does a password in an answer', async () => {
  const alerts = async () =>
    (await observatory.get<{ alerts: { rule: string; labels: Record<string, string> }[] }>('/api/alerts?q=dlp')).alerts
  await expect
    .poll(async () => (await alerts()).map(({ rule }) => rule).sort())
    .toEqual(['dlp/bulk-identity', 'dlp/key-in-answer'])
})

test('the receiver counts what it took', async () => {
  const text = await (await fetch(`${observatory.url}/metrics`)).text()
  expect(text).toContain('guanlan_receiver_received_total{receiver="http-mirror"} 51')
  expect(text).toContain('guanlan_receiver_accepted_total{receiver="http-mirror"} 51')
})

test('a department sees the finds of its own systems', async () => {
  const actor = { kind: 'system', id: 'test', name: 'test', role: 'system', address: '' } as const
  const { secret } = await observatory.parts.people.addToken(actor, {
    ...{ name: 'police', role: 'analyst', scopes: ['read'], expiresMs: null },
    jurisdiction: { regions: [], departments: ['深圳市公安局'] },
  })
  const ask = async (path: string) =>
    (await fetch(observatory.url + path, { headers: { authorization: `Bearer ${secret}` } })).json()
  const { finds: own } = (await ask('/api/security/sensitive/finds?limit=200')) as { finds: Find[] }
  expect(own.length).toBeGreaterThan(5)
  expect(new Set(own.map(({ department }) => department))).toEqual(new Set(['深圳市公安局']))
  expect(((await ask('/api/security/sensitive')) as Summary).total).toBe(own.length)
  const wider = (await ask(
    `/api/security/sensitive/finds?q=${encodeURIComponent('user.name:wei) or (user.name:wei')}`,
  )) as { finds?: Find[] }
  expect(wider.finds ?? []).toEqual([])
})

describe.skipIf(pagesLack !== '')(`the page (needs ${pagesLack || 'Chromium'})`, () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: chromiumPath!, args: ['--no-sandbox'] })
  })
  afterAll(() => browser.close())

  test('from the overview to the one find that matters', async () => {
    const page = await browser.newPage({ locale: 'en-US', viewport: { width: 1280, height: 900 } })
    page.setDefaultTimeout(30_000)
    await makeFirstAccount(page, observatory)
    await page.goto(`${observatory.url}/security/sensitive?range=6h`)
    await page.getByText('51 bodies with sensitive data').waitFor()
    await page.getByRole('button', { name: /^wei/ }).click()
    await page.waitForURL(/user\.name/)
    await page.getByText('resident ID 120').first().click()
    await page.getByRole('cell', { name: 'list[].idCard' }).waitFor()
    expect(await page.content()).not.toMatch(/\d{17}[\dX]/)
    await page.keyboard.press('Escape')
    await page.getByRole('button', { name: /All/ }).click()
    await page.getByText('51 bodies with sensitive data').waitFor()

    // A download got out: five of its rows are given back, and name it.
    const download = await page.evaluate(async () => {
      const response = await fetch('/api/events/export?format=csv&q=process.name:nginx')
      return { id: response.headers.get('x-guanlan-export')!, text: await response.text() }
    })
    await page.getByRole('button', { name: 'Trace' }).click()
    await page.waitForURL(/view=trace/)
    const rows = download.text.split('\r\n').slice(40, 45).join('\n')
    await page.setInputFiles('input[type=file]', { name: 'leak.csv', mimeType: 'text/csv', buffer: Buffer.from(rows) })
    await page.getByText('5 of 5 marks are of this download.').waitFor()
    await page.getByText(download.id).waitFor()
    await page.getByLabel('Value', { exact: true }).fill('a2@example.com')
    await page.getByLabel('Reason').fill('case 2026-11')
    await page.getByRole('button', { name: 'Ask' }).click()
    await page.getByText('Mirrored bodies: 1').waitFor()
    await page.getByRole('button', { name: 'Downloads' }).click()
    await page.locator('tr[data-row]').first().click()
    await page.getByRole('complementary').getByText('cells carry its mark').waitFor()
    await page.close()
  })
})

describe.skipIf(!nginx)('nginx in front (needs nginx)', () => {
  test('mirrors what a browser sends, signs in with its own token, and keeps answering when the observatory is gone', async () => {
    const gateway = await startMirroringNginx(observatory.url, observatory.token)
    const unheard = await startMirroringNginx('http://127.0.0.1:9', observatory.token)
    try {
      const send = (url: string, n: number) =>
        fetch(`${url}/api/mirrored?n=${n}`, {
          method: 'POST',
          body: JSON.stringify({ idCard: syntheticNumbers(n).residentId() }),
          headers: {
            ...{ 'content-type': 'application/json', authorization: 'Bearer of-the-application' },
            ...{ origin: 'https://portal.example', cookie: 'guanlan_session=none; a=b' },
          },
        })
      for (let n = 0; n < 20; n++) expect((await send(gateway.url, n)).status).toBe(200)
      await expect.poll(async () => (await finds('url.path:"/api/mirrored"')).length).toBe(20)
      const startedMs = performance.now()
      for (let n = 0; n < 20; n++) expect((await send(unheard.url, n)).status).toBe(200)
      expect(performance.now() - startedMs).toBeLessThan(5000)
    } finally {
      await gateway.stop()
      await unheard.stop()
    }
  })
})
