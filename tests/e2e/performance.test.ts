// Performance in a real browser: from a red cell to a task that only the next figure clears, from a flag to a question, what
// a department sees, what it takes away as a brief.
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import exceljs from 'exceljs'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath, pagesLack } from './chromium.ts'
import { type Running, startObservatory } from './observatory.ts'
import { syntheticProvince } from './synthetic.ts'

const system = { kind: 'system', id: 'test', name: 'test', role: 'system', address: '' } as const
/** Of Shenzhen, in the synthetic province. */
const department = '4403-02'
const password = 'correct horse battery'

describe.skipIf(pagesLack !== '')(`performance (needs ${pagesLack || 'Chromium'})`, () => {
  let observatory: Running
  let browser: Browser
  let page: Page
  let directory: string
  const complaints: string[] = []

  const signIn = async (name: string): Promise<{ context: BrowserContext; page: Page }> => {
    const context = await browser.newContext({ locale: 'en-US', viewport: { width: 1440, height: 900 } })
    const fresh = await context.newPage()
    fresh.setDefaultTimeout(30_000)
    fresh.on('pageerror', (error) => complaints.push(error.message))
    await fresh.goto(`${observatory.url}/sign-in`)
    await fresh.fill('input[autocomplete=username]', name)
    await fresh.fill('input[type=password]', password)
    await fresh.click('button.primary')
    await fresh.waitForURL(`${observatory.url}/`)
    return { context, page: fresh }
  }
  const tokenOf = async (name: string, departments: string[]): Promise<string> => {
    const { secret } = await observatory.parts.people.addToken(system, {
      ...{ name, role: 'operator', scopes: ['read', 'write'], expiresMs: null },
      jurisdiction: { regions: [], departments },
    })
    return secret
  }
  const ask = async <T>(path: string, secret: string, body?: unknown): Promise<{ status: number; body: T }> => {
    const response = await fetch(observatory.url + path, {
      headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }),
    })
    return { status: response.status, body: (await response.json()) as T }
  }

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'guanlan-brief-'))
    observatory = await startObservatory()
    await syntheticProvince(observatory)
    for (const [name, departments] of [
      ['chief', []],
      ['judge', []],
      ['clerk', [department]],
    ] as const)
      await observatory.parts.people.addUser(system, {
        ...{ name, password, role: 'operator', jurisdiction: { regions: [], departments: [...departments] } },
      })
    browser = await chromium.launch({ executablePath: chromiumPath!, args: ['--no-sandbox'] })
    page = (await signIn('chief')).page
  }, 180_000)
  afterAll(async () => {
    await browser?.close()
    await observatory.dispose()
    await rm(directory, { recursive: true })
  })

  test('the scorecard compares cities, counties and departments, the worst first', async () => {
    await page.goto(`${observatory.url}/scorecard`)
    const heat = page.locator('section', { has: page.getByRole('heading', { name: 'Where' }) })
    await heat.getByRole('link', { name: /%/ }).first().waitFor()
    await expect.poll(() => heat.locator('tbody tr').count()).toBe(21)
    await heat.getByRole('button', { name: 'Online completion rate' }).click()
    const figures = async (): Promise<number[]> => {
      const column = await heat
        .locator('thead th')
        .evaluateAll((cells) => cells.findIndex((cell) => cell.textContent?.includes('Online completion rate')))
      const texts = await heat.locator(`tbody tr > :nth-child(${column + 1})`).allTextContents()
      return texts.map((text) => Number.parseFloat(text))
    }
    await expect
      .poll(
        async () => {
          const all = await figures()
          return all.length === 21 && all.every((one, i) => i === 0 || one >= all[i - 1]!)
        },
        { timeout: 30_000 },
      )
      .toBe(true)
    expect(new Set(await figures()).size).toBeGreaterThan(10)
    // On the map every city has its tile.
    await expect.poll(() => heat.locator('a.tile').count()).toBe(21)
    await heat.getByRole('button', { name: 'Counties' }).click()
    await expect.poll(() => heat.locator('tbody tr').count()).toBeGreaterThan(60)
    await heat.getByRole('button', { name: 'Departments' }).click()
    await expect.poll(() => heat.locator('tbody tr').count()).toBe(168)
  })

  test('from a red cell to a task, its answer, and the figure that clears it', async () => {
    const kpi = 'mobile-availability'
    const { body } = await ask<{
      values: { dimensions: { department: string }; target: { status: string } }[]
    }>(`/api/kpi/values?kpi=${kpi}&by=department&only=city=4403`, observatory.token)
    const red = body.values.find(({ target }) => target.status === 'missed')!.dimensions.department
    const { departments } = await observatory.get<{ departments: Record<string, string> }>('/api/kpi/names')
    await page.goto(`${observatory.url}/scorecard?by=department&in=4403&group=plan`)
    const row = page.locator('tr', { has: page.locator('th', { hasText: departments[red]! }) })
    await row.getByRole('link', { name: /^Make it a task: .*Frequent items done on a phone/ }).click()
    const form = page.getByRole('complementary')
    await form.getByRole('heading', { name: 'Ask a department' }).waitFor()
    await expect.poll(() => form.getByLabel('Kind').inputValue()).toBe('task')
    await expect.poll(() => form.getByLabel('Department').inputValue()).toBe(red)
    await form.getByLabel('Owner').fill('窗口服务科')
    await form.getByLabel('Text').fill('高频事项尽快上线移动端。')
    await form.getByRole('button', { name: 'Send' }).click()
    await page.waitForURL(/question=t-/)
    const id = new URL(page.url()).searchParams.get('question')!
    await page.getByRole('complementary').getByText('高频事项尽快上线移动端。').waitFor()

    const clerk = await tokenOf('clerk-token', [red])
    const reply = await ask(`/api/kpi/questions/${id}/reply`, clerk, { text: '已提交上线计划。' })
    expect([reply.status, reply.body]).toEqual([200, { id }])
    // Nobody says that it is done but the figure.
    expect(
      (await ask(`/api/kpi/questions/${id}/settle`, observatory.token, { verdict: 'cleared', text: '好' })).status,
    ).not.toBe(200)

    const { catalogue } = observatory.parts.kpi
    const items = catalogue
      .facts()
      .filter((fact) => fact.kind === 'item' && fact.fields['department'] === red)
      .map((fact) => ({
        ...fact,
        version: fact.version + 1,
        knownMs: Date.now(),
        fields: { ...fact.fields, mobile: true },
      }))
    const proposed = await catalogue.propose(system, 'item', items, false, 'on the phone now')
    await catalogue.decide({ ...system, id: 'second', name: 'second' }, proposed!.version, 'published')
    await observatory.parts.kpi.refresh()
    const followUp = observatory.parts.kpiWork.turns.find(({ what }) => what.includes('followed up'))!
    await followUp.work()
    await page.reload()
    const detail = page.getByRole('complementary')
    await detail.getByText('已提交上线计划。').waitFor()
    await detail.getByText('Target reached').first().waitFor()
  })

  test('from a flag of the integrity checks to a question, settled by a third', async () => {
    await page.goto(`${observatory.url}/performance/integrity`)
    await page.locator('tr[data-row]').first().click()
    await page.getByRole('link', { name: 'Ask the department' }).click()
    const form = page.getByRole('complementary')
    await expect.poll(() => form.getByLabel('Text').inputValue()).not.toBe('')
    const flag = new URL(page.url()).searchParams.get('flag')!
    await form.getByRole('button', { name: 'Send' }).click()
    await page.waitForURL(/question=q-/)
    const id = new URL(page.url()).searchParams.get('question')!
    const { body } = await ask<{ questions: { id: string; department: string }[] }>(
      `/api/kpi/questions?flag=${flag}`,
      observatory.token,
    )
    expect(body.questions.map((one) => one.id)).toEqual([id])
    // A token that is nobody's judges nothing.
    const { secret: judge } = await observatory.parts.people.addToken(
      system,
      { name: 'judging', role: 'operator', scopes: ['read', 'write'], expiresMs: null },
      'judge',
    )
    const settled = await ask(`/api/kpi/questions/${id}/settle`, judge, {
      ...{ verdict: 'explained', text: 'The file shows it.' },
    })
    expect(settled.status).toBe(200)
    await page.goto(`${observatory.url}/performance/integrity?flag=${flag}`)
    await page.getByRole('link', { name: id }).waitFor()
    await page.getByText('Explained').first().waitFor()
    await expect.poll(() => page.getByRole('link', { name: 'Ask the department' }).count()).toBe(0)
  })

  test('visits come in whole or not at all, and contradict who reports better than they found', async () => {
    const csv = (rows: string[]): { content: string; format: string } => ({
      content: ['编号,日期,区划,部门,与上报一致,指标', ...rows].join('\n'),
      format: 'csv',
    })
    const wrong = await ask<{ problems: unknown[]; dryRun: boolean }>('/api/kpi/visits', observatory.token, {
      ...csv([`T-1,2026-03-04,440305,${department},是,on-time`, `T-2,26-03-04,440305,${department},也许,on-time`]),
      dryRun: false,
    })
    expect(wrong.body.dryRun).toBe(true)
    expect(wrong.body.problems).toHaveLength(1)
    await page.goto(`${observatory.url}/performance/three-sources?by=department&in=4403`)
    const year = new Date().getFullYear()
    const rows = Array.from({ length: 40 }, (_, i) => `N-${i},${year}-01-1${i % 10},440305,${department},否,on-time`)
    await page.setInputFiles('input[type=file]', {
      ...{ name: 'visits.csv', mimeType: 'text/csv', buffer: Buffer.from(csv(rows).content) },
    })
    await page.getByText('visits.csv: 40 new').waitFor()
    await page.getByRole('button', { name: 'Take over' }).click()
    await page.getByText('Taken over: 40 new').waitFor()
    const row = page.locator('tr', { has: page.locator('th', { hasText: '深圳市市场监督管理局' }) })
    await row.getByText('Visits').waitFor()
    // The register below is of the same city.
    const register = page.locator('section', { has: page.getByRole('heading', { name: 'Visits' }) })
    const total = async (city: string): Promise<number> =>
      (await observatory.get<{ total: number }>(`/api/kpi/visits?period=${year}&region=${city}`)).total
    const [here, everywhere] = [await total('4403'), await total('')]
    expect(here).toBeGreaterThanOrEqual(40)
    expect(here).toBeLessThan(everywhere)
    await expect.poll(() => register.locator('header .muted').first().textContent()).toBe(String(here))
    // A department imports nothing about itself.
    const clerk = await tokenOf('importer', [department])
    expect((await ask('/api/kpi/visits', clerk, { ...csv(rows), dryRun: false })).status).toBe(403)
    // The next run of the checks asks.
    await observatory.parts.kpi.integrity!.run(String(year))
    const flags = await ask<{ check: string; unit: string }[]>('/api/kpi/integrity/flags?check=O', observatory.token)
    expect(flags.body.some(({ unit }) => unit === department)).toBe(true)
  })

  test('a department sees its own rows, by whichever way it asks', async () => {
    const clerk = await tokenOf('own-rows', [department])
    const heat = await ask<{ rows: { unit: string }[] }>('/api/kpi/heat?by=department', clerk)
    expect(heat.body.rows.map(({ unit }) => unit)).toEqual([department])
    const values = await ask<{ values: { dimensions: { department: string } }[] }>(
      '/api/kpi/values?kpi=on-time&by=department',
      clerk,
    )
    expect(values.body.values.map(({ dimensions }) => dimensions.department)).toEqual([department])
    const ranking = await ask<{ ranking: unknown[] }>('/api/kpi/ranking?kpi=on-time&by=department', clerk)
    expect(ranking.body.ranking).toHaveLength(1)
    const others = await ask<{ values: unknown[] }>('/api/kpi/values?kpi=on-time&only=department=4401-01', clerk)
    expect(others.body.values).toEqual([])
    const cases = await ask<{ cases: { record: { department: string } }[] }>('/api/kpi/cases?limit=200', clerk)
    expect(new Set(cases.body.cases.map(({ record }) => record.department))).toEqual(new Set([department]))
    const three = await ask<{ rows: unknown[] }>('/api/kpi/three-sources?kpi=on-time&period=2026&by=department', clerk)
    expect(three.body.rows).toHaveLength(1)
    const visits = await ask<{ visits: { department: string }[] }>('/api/kpi/visits?limit=1000', clerk)
    expect(new Set(visits.body.visits.map((one) => one.department))).toEqual(new Set([department]))
    const flags = await ask<{ unit: string }[]>('/api/kpi/integrity/flags', clerk)
    expect(flags.body.every(({ unit }) => unit === department)).toBe(true)
    const coverage = await ask<{ units: { department: string }[] }>('/api/kpi/coverage', clerk)
    expect(coverage.body.units.every((one) => one.department === department)).toBe(true)

    const own = await signIn('clerk')
    await own.page.goto(`${observatory.url}/scorecard?by=department`)
    const names = own.page.locator('tbody th[scope=row]')
    await names.first().waitFor()
    await expect.poll(() => names.allTextContents()).toEqual(['深圳市市场监督管理局'])
    // They object; they give no tasks.
    await own.page.goto(`${observatory.url}/scorecard/on-time?department=${department}`)
    await own.page.getByRole('link', { name: 'Appeal' }).click()
    const form = own.page.getByRole('complementary')
    await expect.poll(() => form.getByLabel('Kind').locator('option').allTextContents()).toEqual(['Appeal'])
    await own.context.close()
  })

  test('the brief is downloaded, opens, and its rates are formulas', async () => {
    await page.goto(`${observatory.url}/scorecard`)
    const save = async (name: string): Promise<string> => {
      const [download] = await Promise.all([
        page.waitForEvent('download', { timeout: 60_000 }),
        page.getByRole('link', { name }).click(),
      ])
      const file = join(directory, download.suggestedFilename())
      await download.saveAs(file)
      return file
    }
    const pdf = await save('Brief, PDF')
    expect((await readFile(pdf)).subarray(0, 5).toString()).toBe('%PDF-')
    if (existsSync('/usr/bin/pdfinfo')) {
      const info = execFileSync('pdfinfo', [pdf], { encoding: 'utf8' })
      expect(info).toMatch(/Page size:.*A4/)
      expect(Number(/Pages:\s+(\d+)/.exec(info)![1])).toBeGreaterThanOrEqual(3)
      const fonts = execFileSync('pdffonts', [pdf], { encoding: 'utf8' })
      expect(fonts.split('\n').filter((line) => /NotoSansSC.*yes yes yes/.test(line)).length).toBeGreaterThan(0)
    }
    const book = new exceljs.Workbook()
    await book.xlsx.readFile(await save('Brief, Excel'))
    expect(book.worksheets.map(({ name }) => name)).toEqual(['指标', '证据', '更正与备注', '口径'])
    const cell = book.getWorksheet('指标')!.getCell('D5').value as exceljs.CellFormulaValue
    expect(cell.formula).toBe('B5/C5')
    expect(cell.result).toBeGreaterThan(0)
  })

  test('nothing was complained of on the way', () => {
    expect(complaints).toEqual([])
  })
})
