// A real brute force against a real sshd and a log clearing, from the line in syslog to the report, worked in Chromium.
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { type Browser, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { chromiumPath, pagesLack } from './chromium.ts'
import { complaintsOf, makeFirstAccount } from './first-visit.ts'
import { type Running, startObservatory } from './observatory.ts'
import { attackable, attackSsh, clearLogs } from './ssh-attack.ts'

const run = promisify(execFile)
const root = resolve(import.meta.dirname, '../..')
const missing = [pagesLack, ...attackable()].filter((what) => what !== '').join(', ')

interface Row {
  incident: { id: string; number: number; state: string; severity: string; rules: string[]; entities: string[] }
}

describe.skipIf(missing !== '')(`incident work (needs ${missing || 'nothing more'})`, () => {
  let observatory: Running
  let browser: Browser
  let page: Page
  let directory: string
  let complaints: string[]
  const queue = async (): Promise<Row[]> => (await observatory.get<{ rows: Row[] }>('/api/incidents?view=open')).rows
  const panel = () => page.getByRole('complementary')
  /** What the chosen tab shows. */
  const shown = () => page.locator('[role=tabpanel] > div:not([hidden])')
  const tab = (name: string) => panel().getByRole('tab', { name }).click()
  const detail = () => observatory.get<{ incident: { category: string } }>(`/api/incidents/${incidentId}`)
  let incidentId = ''

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'guanlan-incident-'))
    observatory = await startObservatory({ organisation: '示例市政务服务数据管理局' })
    browser = await chromium.launch({ executablePath: chromiumPath!, args: ['--no-sandbox'] })
    page = await browser.newPage({ locale: 'en-US', viewport: { width: 1440, height: 900 }, acceptDownloads: true })
    page.setDefaultTimeout(30_000)
    complaints = complaintsOf(page)
    await makeFirstAccount(page, observatory)
  })
  afterAll(async () => {
    await browser.close()
    await observatory.dispose()
    await rm(directory, { recursive: true, force: true })
  })

  test('failed sign-ins at a real sshd and a log clearing are one incident', async () => {
    const port = observatory.port('syslog', 'tcp')
    const { failures } = await attackSsh(port)
    expect(failures).toBeGreaterThanOrEqual(6)
    await expect
      .poll(async () =>
        (await observatory.get<{ alerts: { rule: string }[] }>('/api/alerts')).alerts.map(({ rule }) => rule),
      )
      .toContain('events/ssh-brute-force')
    expect(await queue()).toHaveLength(0)
    const sentMs = performance.now()
    await clearLogs(port)
    let rows: Row[] = []
    while (rows.length === 0 && performance.now() - sentMs < 10_000) rows = await queue()
    const tookMs = performance.now() - sentMs
    console.log(`from the line sent to the incident in the queue: ${tookMs.toFixed(0)} ms`)
    expect(rows).not.toEqual([])
    incidentId = rows[0]!.incident.id
    const rules = async () => (await queue())[0]!.incident.rules
    await expect.poll(rules).toEqual(expect.arrayContaining(['events/ssh-brute-force', 'events/log-cleared']))
    rows = await queue()
    expect(rows).toHaveLength(1)
    expect(rows[0]!.incident).toMatchObject({ state: 'new', severity: 'high' })
    expect(rows[0]!.incident.entities).toContain(`host:${hostname()}`)
  })

  test('triage from the keyboard: j opens it, a takes it', async () => {
    await page.goto(`${observatory.url}/security/incidents`)
    await page.locator('tr[data-row]').first().waitFor()
    await page.keyboard.press('j')
    await panel().getByRole('heading', { level: 1 }).waitFor()
    await panel().getByText('SSH password guessing').first().waitFor()
    await page.keyboard.press('a')
    await panel().getByText('· wei').first().waitFor()
    await panel().getByRole('button', { name: 'Move to Triaged' }).click()
    await panel().getByRole('button', { name: 'Move to Contained' }).waitFor()
  })

  test('it is classified as the evidence suggests, and graded by a person', async () => {
    await tab('Work')
    await shown().getByRole('button', { name: 'Deliberate violation' }).click()
    await expect.poll(async () => (await detail()).incident.category).toBe('deliberate-violation')
    await shown().getByLabel('What is hit').selectOption({ label: 'particularly important' })
    await shown().getByLabel('Loss of business').selectOption({ label: 'considerable' })
    await shown().getByRole('button', { name: 'Decide: Relatively serious' }).click()
    await shown().getByText('Decided: Relatively serious').waitFor()
    await panel()
      .getByText(/\d+.* left$/)
      .first()
      .waitFor()
  })

  test('steps of the playbook are ticked with what was found', async () => {
    await shown().getByText('First freeze', { exact: false }).first().click()
    await shown().getByLabel('What was found or done').fill('frozen before anything else')
    await shown().getByRole('button', { name: 'Done', exact: true }).click()
    await shown().getByText('frozen before anything else').first().waitFor()
    await shown().getByText('1 of 9 steps').waitFor()
  })

  test('alerts and exact events are frozen, a file is added, and both leave as an archive that can be checked', async () => {
    await tab('Evidence')
    await shown().getByRole('button', { name: 'Freeze alerts and events' }).click()
    await shown().getByText('-events-', { exact: false }).first().waitFor()
    await writeFile(join(directory, '现场.txt'), 'terminal as it was found\n')
    await shown().locator('input[type=file]').setInputFiles(join(directory, '现场.txt'))
    await shown().getByText('现场.txt').first().waitFor()
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      shown().getByRole('link', { name: 'Export with manifest' }).click(),
    ])
    const archive = join(directory, 'incident.tar')
    await download.saveAs(archive)
    const guanlan = (...parts: string[]) =>
      run('node', [join(root, 'server/cli/guanlan.mjs'), 'incident', 'verify', ...parts])
    expect((await guanlan(archive)).stdout).toMatch(/7 files are what was exported/)
    const bytes = await readFile(archive)
    const at = bytes.indexOf('Failed password')
    expect(at).toBeGreaterThan(0)
    bytes[at] = 0x66
    await writeFile(archive, bytes)
    await expect(guanlan(archive)).rejects.toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/events.*its SHA-256 differs/),
    })
  })

  test('the report is filled in, filed in time and printed', async () => {
    await tab('Report')
    await shown()
      .getByRole('textbox', { name: /^Impact and harm so far/ })
      .fill('日志被清除，未发现数据泄露')
    await shown()
      .getByRole('textbox', { name: /^Place/ })
      .fill('示例市数据中心')
    await shown().getByRole('textbox', { name: 'By which way' }).fill('12387')
    await shown().getByRole('button', { name: 'Record as filed' }).click()
    await shown().getByText('filed in time').first().waitFor()
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      shown().locator('li').getByRole('link', { name: 'PDF' }).click(),
    ])
    const file = join(directory, 'report.pdf')
    await download.saveAs(file)
    const { stdout } = await run('pdftotext', ['-layout', file, '-'])
    for (const text of [
      '网络安全事件报告',
      '示例市政务服务数据管理局',
      '较大',
      '违规操作事件',
      '日志被清除',
      '属地省级网信部门',
    ])
      expect(stdout.replace(/\s+/g, '')).toContain(text)
    expect(stdout).not.toContain('草稿')
  })

  test('it is closed with cause and lessons, and everything that was done stands on its timeline', async () => {
    await panel().locator('ol button', { hasText: 'Recovered' }).click()
    await panel().locator('.verbs').getByRole('button', { name: 'Close', exact: true }).click()
    await panel().locator('form.tall').getByLabel('Cause').fill('password sign-in open to the world')
    await panel().locator('form.tall').getByLabel('Lessons').fill('keys only; logs append-only')
    await panel().locator('form.tall').getByRole('button', { name: 'Close', exact: true }).click()
    await panel().locator('dl.end').getByText('password sign-in open to the world').waitFor()
    await tab('Timeline')
    for (const text of ['report filed', 'exported', 'graded', 'classified', 'step'])
      await shown().getByText(text, { exact: true }).first().waitFor()
    const team = await observatory.get<{ closed: number; reports: { filed: number; inTime: number } }>(
      '/api/incidents/team',
    )
    expect(team).toMatchObject({ closed: 1, reports: { filed: 1, inTime: 1 } })
    await expect
      .poll(async () => (await fetch(`${observatory.url}/metrics`)).text())
      .toMatch(/guanlan_incidents_reports_in_time 1\n/)
    expect(complaints).toEqual([])
  })
})
