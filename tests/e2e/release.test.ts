// A month on its way to publication, in a real browser: a department objects, somebody else judges, two people freeze and
// sign; from then on the figure is what was signed, whatever comes in, until a restatement has its two approvers. And an
// appeal that is upheld: its cases leave the indicator everywhere, as a restatement that two others approve.
import { eq, sql } from 'drizzle-orm'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { systemClock } from '#core/clock.ts'
import { kpiReleases } from '#stores/state/schema/kpi-questions.ts'
import { chromiumPath, pagesLack } from './chromium.ts'
import { type Running, startObservatory } from './observatory.ts'

const system = { kind: 'system', id: 'test', name: 'test', role: 'system', address: '' } as const
const day = 86_400_000
const password = 'correct horse battery'
const kpi = 'online-completion'
const department = '4403-01'
const other = '4401-01'

describe.skipIf(pagesLack !== '')(`a month is published (needs ${pagesLack || 'Chromium'})`, () => {
  let observatory: Running
  let browser: Browser
  let shiftMs = 0
  const clock = { ...systemClock, nowMs: () => Date.now() + shiftMs }
  const now = new Date()
  const middleMs = Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - 1, 15)
  const period = new Date(middleMs).toISOString().slice(0, 7)
  const pages = new Map<string, { context: BrowserContext; page: Page }>()
  const tokens = new Map<string, string>()

  /** Half of a department's cases went through the window. */
  const record = (i: number, version = 1, isWindow = i % 2 === 0, atMs = middleMs): string => {
    const channel = isWindow ? 'window' : 'web'
    const place = i < 40 ? { region: '440305', department } : { region: '440106', department: '4401-01' }
    return JSON.stringify({
      ...{
        id: `R-${i}${atMs === middleMs ? '' : '-next'}`,
        version,
        source: 'test',
        ...place,
        item: '44-00-001',
        category: '行政许可',
        channel,
      },
      ...{ outcome: 'granted', openedMs: atMs - 5 * day, acceptedMs: atMs - 5 * day, closedMs: atMs },
      steps: [{ name: '申请', channel, channelRaw: channel, atMs: atMs - 5 * day, actor: '' }],
    })
  }
  const send = async (lines: string[]): Promise<void> => {
    const response = await fetch(`${observatory.url}/api/kpi/cases`, {
      ...{ method: 'POST', body: lines.join('\n') },
      headers: { authorization: `Bearer ${observatory.token}`, 'content-type': 'application/x-ndjson' },
    })
    expect(response.status).toBe(200)
    await observatory.parts.kpi.refresh()
  }
  const ask = async (name: string, path: string, body?: unknown): Promise<{ status: number; body: never }> => {
    const response = await fetch(observatory.url + path, {
      headers: { authorization: `Bearer ${tokens.get(name)}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    })
    return { status: response.status, body: (await response.json()) as never }
  }
  const pageOf = async (name: string): Promise<Page> => {
    const known = pages.get(name)
    if (known) return known.page
    const context = await browser.newContext({ locale: 'en-US', viewport: { width: 1440, height: 1000 } })
    const page = await context.newPage()
    page.setDefaultTimeout(30_000)
    await page.goto(`${observatory.url}/sign-in`)
    await page.fill('input[autocomplete=username]', name)
    await page.fill('input[type=password]', password)
    await page.click('button.primary')
    await page.waitForURL(`${observatory.url}/`)
    pages.set(name, { context, page })
    return page
  }
  /** Days go by; whoever was signed in signs in again. */
  const wait = async (days: number): Promise<void> => {
    shiftMs += days * day
    for (const { context } of pages.values()) await context.close()
    pages.clear()
  }
  const address = `/scorecard/${kpi}?period=${period}&city=4403&department=${department}`
  const figure = (page: Page) => page.locator('.value > b')
  const release = (page: Page) => page.locator('.releases')

  beforeAll(async () => {
    observatory = await startObservatory({}, clock)
    await send(Array.from({ length: 80 }, (_, i) => record(i)))
    for (const [name, role, departments] of [
      ['chief', 'operator', []],
      ['judge', 'operator', []],
      ['leader', 'leader', []],
      ['clerk', 'operator', [department]],
      ['guangzhou', 'operator', [other]],
    ] as const) {
      const jurisdiction = { regions: [], departments: [...departments] }
      await observatory.parts.people.addUser(system, { name, password, role, jurisdiction })
      const { secret } = await observatory.parts.people.addToken(
        system,
        { name: `${name}-token`, role, scopes: ['read', 'write'], expiresMs: null, jurisdiction },
        name,
      )
      tokens.set(name, secret)
    }
    browser = await chromium.launch({ executablePath: chromiumPath!, args: ['--no-sandbox'] })
  }, 180_000)
  afterAll(async () => {
    await browser?.close()
    await observatory.dispose()
  })

  test('a department objects before it is published, and the cell is hatched until somebody else has judged', async () => {
    const chief = await pageOf('chief')
    await chief.goto(`${observatory.url}/performance/questions`)
    await release(chief).getByLabel('Period').fill(period)
    await release(chief).getByRole('button', { name: 'Open for appeals' }).click()
    await release(chief).getByText(period, { exact: true }).waitFor()

    const clerk = await pageOf('clerk')
    await clerk.goto(observatory.url + address)
    await clerk.getByRole('link', { name: 'Appeal' }).click()
    const form = clerk.getByRole('complementary')
    await form.getByLabel('Text').fill('代录的办件应按网上统计。')
    await form.getByRole('button', { name: 'Send' }).click()
    await clerk.waitForURL(/question=a-/)
    const id = new URL(clerk.url()).searchParams.get('question')!

    // Wherever the cell appears: on its own page, in the ranking above it, among the departments.
    await chief.goto(observatory.url + address)
    await chief.locator('.value > b.disputed').waitFor()
    await chief.goto(`${observatory.url}/scorecard/${kpi}?period=${period}&city=4403&by=department`)
    await chief.locator('td.disputed').first().waitFor()
    await chief.goto(`${observatory.url}/scorecard?period=${period}&by=department`)
    await chief.locator('table.heat td.disputed').first().waitFor()
    expect(await chief.locator('table.heat td.disputed').count()).toBe(1)

    // Not before the days are over, and not while it is open.
    const early = await ask('chief', `/api/kpi/releases/${period}/freeze`, {})
    expect(early).toMatchObject({ status: 409, body: { error: { code: 'kpi.release' } } })
    await wait(20)
    const open = await ask('chief', `/api/kpi/releases/${period}/freeze`, {})
    expect(open).toMatchObject({ status: 409, body: { error: { message: expect.stringContaining('appeal') } } })

    const judge = await pageOf('judge')
    await judge.goto(`${observatory.url}/performance/questions?question=${id}`)
    const detail = judge.getByRole('complementary')
    await detail.getByText('代录的办件应按网上统计。').waitFor()
    await detail.getByLabel('Reason').first().fill('口径写明窗口代录不算网上。')
    await detail.getByRole('combobox', { name: 'Settle' }).selectOption('dismissed')
    await detail.getByRole('button', { name: 'Settle' }).click()
    await detail.getByText('dismissed', { exact: false }).first().waitFor()
    await judge.goto(observatory.url + address)
    await figure(judge).waitFor()
    await expect.poll(() => judge.locator('.value > b.disputed').count()).toBe(0)
  })

  test('an appeal that is upheld takes its cases out of the figure, as a restatement that two others approve', async () => {
    const figureOf = async (only: string): Promise<{ ratio: unknown; exclusions: Record<string, number> }> => {
      const { values } = await observatory.get<{ values: [{ ratio: unknown; exclusions: Record<string, number> }] }>(
        `/api/kpi/values?kpi=${kpi}&period=${period}&only=${only}`,
      )
      return values[0]
    }
    const own = `/scorecard/${kpi}?period=${period}&city=4401&department=${other}`
    const ids = Array.from({ length: 8 }, (_, i) => `R-${40 + 2 * i}`)
    // What is theirs in the month after, so that there is a movement to explain.
    const nextMs = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), 15)
    await send(Array.from({ length: 4 }, (_, i) => record(40 + i, 1, i === 0, nextMs)))

    const clerk = await pageOf('guangzhou')
    await clerk.goto(observatory.url + own)
    await clerk.getByRole('link', { name: 'Appeal' }).click()
    const form = clerk.getByRole('complementary')
    await form.getByLabel('Text').fill('系统停机，改到窗口办理。')
    await form.getByLabel('Cases that should not count').fill(ids.join('\n'))
    await form.getByRole('button', { name: 'Send' }).click()
    await clerk.waitForURL(/question=a-/)
    const id = new URL(clerk.url()).searchParams.get('question')!

    // Of another department, and of nobody: neither is taken out.
    for (const exempt of [['R-0'], ['nothing']]) {
      const wrong = await ask('judge', `/api/kpi/questions/${id}/settle`, { verdict: 'upheld', text: 'x', exempt })
      expect(wrong).toMatchObject({ status: 400, body: { error: { code: 'body.invalid' } } })
    }
    const judge = await pageOf('judge')
    await judge.goto(`${observatory.url}/performance/questions?question=${id}`)
    const detail = judge.getByRole('complementary')
    await detail.getByText('It names 8 cases').waitFor()
    await detail.getByLabel('Reason').first().fill('停机记录属实。')
    await detail.getByRole('combobox', { name: 'Settle' }).selectOption('upheld')
    await expect.poll(() => detail.getByLabel('Cases that do not count').inputValue()).toBe(ids.join('\n'))
    await detail.getByRole('button', { name: 'Settle' }).click()
    await detail.getByText('50 % to become 62.5 %').waitFor()
    await expect.poll(() => detail.getByRole('button', { name: 'Approve' }).count()).toBe(0)

    // Decided, and not yet so: the cell stays hatched, the figure as it was, and nothing is frozen meanwhile.
    const before = await figureOf(`city=4401,department=${other}`)
    expect(before).toMatchObject({ state: 'disputed', ratio: { numerator: '1', denominator: '2' } })
    const early = await ask('chief', `/api/kpi/releases/${period}/freeze`, {})
    expect(early).toMatchObject({ status: 409, body: { error: { message: expect.stringContaining('approval') } } })
    const { body: listed } = await ask('judge', '/api/kpi/restatements')
    const [{ id: restatement }] = (listed as { restatements: { id: string }[] }).restatements as [{ id: string }]
    for (const name of ['judge', 'guangzhou'])
      expect((await ask(name, `/api/kpi/restatements/${restatement}/approve`, {})).status).toBeGreaterThan(400)
    for (const name of ['chief', 'leader']) {
      const page = await pageOf(name)
      await page.goto(observatory.url + own)
      await page.getByText('50 % to become 62.5 %').waitFor()
      await page.getByRole('button', { name: 'Approve' }).click()
      await expect.poll(() => page.getByRole('button', { name: 'Approve' }).count()).toBe(0)
    }

    // It counts without them: in the department, in its city, in the whole; of any other indicator nothing changed.
    const left = { exclusions: { adjudicated: 8 } }
    await expect
      .poll(() => figureOf(`city=4401,department=${other}`))
      .toMatchObject({ state: 'value', ratio: { numerator: '5', denominator: '8' }, ...left })
    expect(await figureOf('city=4401')).toMatchObject({ ratio: { numerator: '5', denominator: '8' }, ...left })
    expect(await figureOf('')).toMatchObject({ ratio: { numerator: '5', denominator: '9' }, ...left })
    const { values } = await observatory.get<{ values: [{ exclusions: object }] }>(
      `/api/kpi/values?kpi=online-intake&period=${period}`,
    )
    expect(values[0].exclusions).not.toHaveProperty('adjudicated')
    // What was known before is still what was known.
    const at = Date.now() + shiftMs - day
    const then = await observatory.get<{ values: [{ ratio: unknown }] }>(
      `/api/kpi/values?kpi=${kpi}&period=${period}&only=department=${other}&knownMs=${at}&validMs=${at}`,
    )
    expect(then.values[0].ratio).toEqual({ numerator: '1', denominator: '2' })

    // The department sees why; the month after says that it was restated; both entries are leaves.
    await clerk.goto(observatory.url + own)
    await clerk.getByText('adjudicated on appeal 8').waitFor()
    await clerk.getByText('50 % became 62.5 %').waitFor()
    await clerk.getByText('Proposed by judge, approved by chief, leader').waitFor()
    await clerk.getByText('停机记录属实。').waitFor()
    const next = new Date(nextMs).toISOString().slice(0, 7)
    await clerk.goto(observatory.url + own.replace(period, next))
    await clerk.locator('tr', { hasText: 'Restated' }).getByText('+12.50').waitFor()
    const { kinds } = observatory.parts.ledger
    expect(kinds.restatement).toBe(1)
    await expect.poll(() => observatory.parts.ledger.kinds.catalogue ?? 0, { timeout: 60_000 }).toBe(ids.length + 1)
  })

  test('one freezes, another signs, and the browser checks the signature', async () => {
    const chief = await pageOf('chief')
    await chief.goto(`${observatory.url}/performance/questions`)
    await release(chief).getByRole('button', { name: 'Freeze' }).click()
    await release(chief).getByRole('button', { name: 'Sign' }).click()
    // Whoever froze it does not sign it.
    await release(chief)
      .getByText(/proposed by you/)
      .waitFor()
    const leader = await pageOf('leader')
    await leader.goto(`${observatory.url}/performance/questions`)
    await release(leader).getByRole('button', { name: 'Sign' }).click()
    await release(leader).getByRole('button', { name: 'Check signature and checkpoint' }).click()
    await release(leader).getByText('Signed, and unchanged since').waitFor()
    await release(leader)
      .getByText(/SM2: good/)
      .waitFor()
    await release(leader)
      .getByText(/Ed25519: good/)
      .waitFor()
    await release(leader).getByText('Checkpoint').click()
    await release(leader).getByText(/— /).waitFor()

    // The department, which sees its own rows alone, checks the same signature.
    const clerk = await pageOf('clerk')
    await clerk.goto(observatory.url + address)
    await clerk.getByRole('heading', { name: `Published for ${period}` }).waitFor()
    await clerk.getByRole('button', { name: 'Check signature and checkpoint' }).click()
    await clerk.getByText('Signed, and unchanged since').waitFor()
    const late = await ask('clerk', '/api/kpi/appeals', {
      ...{ kpi, period, dimensions: { city: '4403', department }, text: 'too late' },
    })
    expect(late).toMatchObject({ status: 409, body: { error: { code: 'kpi.frozen' } } })
  })

  test('what comes in later changes nothing but by a restatement with a cause and two approvers', async () => {
    const ratio = async (): Promise<unknown> => {
      const path = `/api/kpi/values?kpi=${kpi}&period=${period}&only=city=4403,department=${department}`
      const { values } = await observatory.get<{ values: { ratio: unknown }[] }>(path)
      return values[0]!.ratio
    }
    const [published, corrected] = [
      { numerator: '1', denominator: '2' },
      { numerator: '3', denominator: '4' },
    ]
    expect(await ratio()).toEqual(published)
    const restate = { kpi, period, dimensions: { city: '4403', department }, cause: 'correction', reason: '渠道更正' }
    const nothing = await ask('chief', '/api/kpi/restatements', restate)
    expect(nothing).toMatchObject({ status: 409, body: { error: { code: 'kpi.release' } } })
    await send(Array.from({ length: 10 }, (_, i) => record(i * 2, 2, false)))
    expect(await ratio()).toEqual(published)
    const { rows } = await observatory.get<{ rows: { id: string; value: { ratio: unknown; published?: object } }[] }>(
      `/api/kpi/scorecard?period=${period}`,
    )
    const whole = rows.find(({ id }) => id === kpi)!.value
    expect(whole).toMatchObject({
      ratio: { numerator: '5', denominator: '9' },
      published: { counted: { numerator: '25', denominator: '36' } },
    })

    const chief = await pageOf('chief')
    await chief.goto(observatory.url + address)
    await expect.poll(() => figure(chief).textContent()).toMatch(/50/)
    await chief.getByText(/only a restatement changes/).waitFor()
    await chief.getByLabel('Cause').selectOption('correction')
    await chief.getByLabel('Reason').fill('渠道更正')
    await chief.getByRole('button', { name: 'Propose a restatement' }).click()
    await chief.getByText('渠道更正').first().waitFor()
    await expect.poll(() => chief.getByRole('button', { name: 'Approve' }).count()).toBe(0)
    const { body } = await ask('chief', '/api/kpi/restatements')
    const [{ id }] = (body as { restatements: { id: string }[] }).restatements as [{ id: string }]
    const own = await ask('chief', `/api/kpi/restatements/${id}/approve`, {})
    expect(own).toMatchObject({ status: 409, body: { error: { code: 'kpi.approval' } } })
    expect((await ask('clerk', `/api/kpi/restatements/${id}/approve`, {})).status).toBe(403)

    for (const name of ['judge', 'leader']) {
      expect(await ratio()).toEqual(published)
      const page = await pageOf(name)
      await page.goto(observatory.url + address)
      await page.getByRole('button', { name: 'Approve' }).click()
      await expect.poll(() => page.getByRole('button', { name: 'Approve' }).count()).toBe(0)
    }
    await expect.poll(ratio).toEqual(corrected)
    const leader = await pageOf('leader')
    await leader.goto(observatory.url + address)
    await expect.poll(() => figure(leader).textContent()).toMatch(/75/)
    await leader.getByText(`restated, ${id}`).waitFor()
    // The restatement is a leaf of its own, and the release is what it was.
    const { restatement } = observatory.parts.ledger.kinds
    expect(restatement).toBe(2)
    await leader.getByRole('button', { name: 'Check signature and checkpoint' }).click()
    await leader.getByText('Signed, and unchanged since').waitFor()
  })

  test('a figure that somebody changes in the database is not what was signed', async () => {
    const { database } = observatory.parts.state
    const [row] = await database.select().from(kpiReleases).where(eq(kpiReleases.period, period))
    const figures = row!.figures!.map((one, i) => (i === 0 ? { ...one, count: 1 } : one))
    const change = () => database.update(kpiReleases).set({ figures }).where(eq(kpiReleases.period, period))
    await expect(change()).rejects.toMatchObject({ cause: { message: expect.stringContaining('is frozen') } })
    // Whoever owns the database can take its guard away; the ledger has been seen by others.
    await database.execute(sql`alter table ${kpiReleases} disable trigger user`)
    await change()
    const leader = await pageOf('leader')
    await leader.goto(`${observatory.url}/performance/questions`)
    await release(leader).getByRole('button', { name: 'Check signature and checkpoint' }).click()
    await release(leader).getByText('Not what was signed').waitFor()
  })
})
