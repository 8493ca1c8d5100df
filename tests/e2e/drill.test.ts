import { resolve } from 'node:path'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { fillProvince } from '#server/parts/kpi-demo.ts'
import { chromiumPath, pagesLack } from './chromium.ts'
import { makeFirstAccount } from './first-visit.ts'
import { type Running, startObservatory } from './observatory.ts'

const system = { kind: 'system', id: 'test', name: 'test', role: 'system', address: '' } as const
const six = [
  ...['business-coverage', 'consolidation', 'online-completion', 'time-compression', 'information-sharing'],
  'certificate-use',
] as const
const clicksMax = 4

describe.skipIf(pagesLack !== '')(`down to the proof (needs ${pagesLack || 'Chromium'})`, () => {
  let observatory: Running
  let browser: Browser
  let page: Page

  beforeAll(async () => {
    observatory = await startObservatory()
    const { kpi } = observatory.parts
    await fillProvince(kpi, { rules: resolve('rules/kpi'), seed: 1, count: 2000, nowMs: Date.now() })
    await kpi.refresh()
    browser = await chromium.launch({ executablePath: chromiumPath!, args: ['--no-sandbox'] })
    page = await browser.newPage({ locale: 'en-US', viewport: { width: 1440, height: 1000 } })
    page.setDefaultTimeout(30_000)
    await makeFirstAccount(page, observatory)
  }, 180_000)
  afterAll(async () => {
    await browser?.close()
    await observatory.dispose()
  })

  test('the ledger has taken the catalogue and the cases in', async () => {
    // On its own schedule.
    const { versions } = await observatory.parts.kpi.cases.stats()
    await expect.poll(() => observatory.parts.ledger.kinds['case'] ?? 0, { timeout: 60_000 }).toBe(versions)
    expect(observatory.parts.ledger.kinds['catalogue']).toBeGreaterThan(observatory.parts.kpi.catalogue.facts().length)
  })

  test.each(six)('%s', async (id) => {
    await page.goto(`${observatory.url}/scorecard`)
    let clicks = 0
    const click = async (locator: ReturnType<Page['locator']>): Promise<void> => {
      await locator.first().click()
      clicks++
    }
    await click(page.locator(`td.name a[href*="/scorecard/${id}"]`))
    const [below] = await Promise.all([
      page.waitForResponse((one) => /\/api\/kpi\/(cases|facts)\?.*(region=|only=city(=|%3D))\d{4}/.test(one.url())),
      click(page.locator('tr.click td.unit button', { hasText: /市$/ })),
    ])
    await below.finished()
    const city = new URL(page.url()).searchParams.get('city')!
    await click(page.locator('tr[data-row]'))
    await expect
      .poll(() => page.locator('td.proof pre').first().textContent())
      .toMatch(new RegExp(`"region": "${city}`))
    // The fourth says how: four steps, each good, down to the checkpoint as it was signed.
    await click(page.getByRole('button', { name: 'Verified in this browser' }))
    await expect.poll(() => page.locator('.how li').getByText('good').count()).toBe(4)
    await page.locator('.how pre', { hasText: '— ' }).waitFor()
    expect(clicks).toBeLessThanOrEqual(clicksMax)
  })

  test('a row of the catalogue that was changed afterwards does not verify', async () => {
    const { facts } = await observatory.get<{ facts: { fact: { kind: string; id: string; version: number } }[] }>(
      '/api/kpi/facts?kpi=consolidation&limit=1',
    )
    const { fact } = facts[0]!
    await page.route('**/api/kpi/facts?*', async (route) => {
      const response = await route.fetch()
      const body = (await response.json()) as { facts: { fact: { fields: Record<string, unknown> } }[] }
      for (const one of body.facts) one.fact.fields['onCloud'] = 'yes, surely'
      await route.fulfill({ response, json: body })
    })
    await page.goto(`${observatory.url}/scorecard/consolidation?fact=${fact.id}@${fact.version}`)
    await page.locator('td.proof').getByText('Does not verify').first().waitFor()
    await page.unroute('**/api/kpi/facts?*')
  })

  test('a disaster is written beside a figure, shades its charts, and is taken back with a reason', async () => {
    const month = new Date(Date.now() + 8 * 3_600_000)
    month.setUTCDate(0)
    const period = month.toISOString().slice(0, 7)
    await page.goto(`${observatory.url}/scorecard/online-completion?period=${period}&city=4408`)
    await page.getByRole('button', { name: 'Write a note' }).click()
    await page.getByLabel('Kind of note').selectOption('disaster')
    await page.getByLabel('From', { exact: true }).fill(`${period}-03`)
    await page.getByLabel('To, included').fill(`${period}-05`)
    await page.getByLabel('What happened').fill('台风登陆，窗口关闭三天')
    await page.getByRole('button', { name: 'Write', exact: true }).click()
    await page.locator('.note', { hasText: '台风登陆' }).waitFor()
    await expect.poll(() => page.locator('svg g.disaster title').first().textContent()).toContain('台风登陆')
    // Above it, it is said as something of a part, and shades nothing.
    await page.goto(`${observatory.url}/scorecard/online-completion?period=${period}`)
    await page.locator('.note', { hasText: '台风登陆' }).waitFor()
    expect(await page.locator('svg g.disaster').count()).toBe(0)
    await page.goto(`${observatory.url}/scorecard?period=${period}`)
    await page.getByText('Online completion rate').first().waitFor()

    const tokenOf = async (regions: string[]): Promise<Record<string, string>> => {
      const { secret } = await observatory.parts.people.addToken(system, {
        ...{ name: `of ${regions}`, role: 'operator', scopes: ['read', 'write'], expiresMs: null },
        jurisdiction: { regions, departments: [] },
      })
      return { authorization: `Bearer ${secret}`, 'content-type': 'application/json' }
    }
    const path = `/api/kpi/annotations?kpi=online-completion&from=${period}-01&to=${period}-28`
    const seen = async (regions: string[]): Promise<number> => {
      const response = await fetch(observatory.url + path, { headers: await tokenOf(regions) })
      return ((await response.json()) as { notes: unknown[] }).notes.length
    }
    expect([await seen(['440800']), await seen(['440883']), await seen(['440300'])]).toEqual([1, 1, 0])
    const elsewhere = await fetch(`${observatory.url}/api/kpi/annotations`, {
      ...{ method: 'POST', headers: await tokenOf(['440300']) },
      body: JSON.stringify({ kind: 'event', text: 'x', from: `${period}-01`, region: '4408' }),
    })
    expect(elsewhere.status).toBe(403)
    for (const wrong of [
      { from: '2026-02-30' },
      { from: `${period}-05`, to: `${period}-04` },
      { from: '2020-01-01', to: period },
    ])
      expect(
        (
          await fetch(`${observatory.url}/api/kpi/annotations`, {
            ...{ method: 'POST', headers: { ...(await tokenOf([])), 'content-type': 'application/json' } },
            body: JSON.stringify({ kind: 'event', text: 'x', ...wrong }),
          })
        ).status,
      ).toBe(400)

    await page.goto(`${observatory.url}/scorecard/online-completion?period=${period}&city=4408`)
    const note = page.locator('.note', { hasText: '台风登陆' })
    await note.getByRole('button', { name: 'Take back' }).click()
    await note.getByLabel('Reason').fill('转向了')
    await note.getByRole('button', { name: 'Take back' }).click()
    await expect.poll(() => page.locator('.note', { hasText: '台风登陆' }).count()).toBe(0)
  })
})
