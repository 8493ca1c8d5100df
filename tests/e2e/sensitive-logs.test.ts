import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { synthetic } from '#security/sensitive/testing.ts'
import { chromiumPath, pagesLack } from './chromium.ts'
import { makeFirstAccount } from './first-visit.ts'
import { type Running, startObservatory } from './observatory.ts'

const make = synthetic(20_261_125)
const residents = Array.from({ length: 5 }, () => make.residentId())
const mobile = make.mobile()
let observatory: Running
let rules: string

interface Leak {
  collector: string
  dataset: string
  host: string
  department: string
  kind: string
  events: number
  values: number
  fields: { name: string; values: number; allowed: { reason: string } | null }[]
  eventIds: string[]
  trend: number[]
}
const logs = async (running = observatory) =>
  running.get<{ leaks: Leak[]; events: number; cut: number }>('/api/security/sensitive/logs')
const leakOf = async (kind: string, host: string): Promise<Leak | undefined> =>
  (await logs()).leaks.find((one) => one.kind === kind && one.host === host)
const alerts = async () =>
  (
    await observatory.get<{
      alerts: { id: string; rule: string; severity: string; title: string; labels: Record<string, string> }[]
    }>('/api/alerts?q=dlp')
  ).alerts

async function syslog(lines: readonly string[]): Promise<void> {
  const socket = connect(observatory.port('syslog', 'tcp'), '127.0.0.1')
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject)
    socket.end(lines.map((line) => `${line}\n`).join(''), resolve)
  })
}
async function ndjson(events: readonly object[]): Promise<void> {
  const response = await fetch(`${observatory.url}/api/ingest/events`, {
    method: 'POST',
    body: events.map((one) => JSON.stringify(one)).join('\n'),
    headers: { 'content-type': 'application/x-ndjson' },
  })
  expect(response.ok).toBe(true)
}

beforeAll(async () => {
  rules = await mkdtemp(join(tmpdir(), 'guanlan-dlp-'))
  await cp('rules/dlp', rules, { recursive: true })
  observatory = await startObservatory({ security: { sensitive: { rules } } })
})
afterAll(async () => {
  await observatory.dispose()
  await rm(rules, { recursive: true })
})

test('resident IDs in the query of an access log, a key in an application log: counted by field, one alert each, masked', async () => {
  const access = (id: string, i: number): string =>
    `<190>Nov 25 08:00:0${i} web-1 nginx: 203.0.113.${i} - - [25/Nov/2026:08:00:0${i} +0000] "GET /api/people?idcard=${id}&page=2 HTTP/1.1" 200 612 "-" "Mozilla/5.0"`
  await syslog(residents.map(access))
  await ndjson([
    ...Array.from({ length: 40 }, (_, i) => ({
      ...{ 'host.name': 'app-1', 'service.name': 'order', 'event.dataset': 'order.app', 'user.phone': Number(mobile) },
      message: `order ${i} took ${1_764_086_400_000 + i} ns, order_id=${13_800_138_000 + i}`,
    })),
    { 'host.name': 'app-1', message: 'loaded -----BEGIN RSA PRIVATE KEY----- MIIEow', 'event.dataset': 'order.app' },
    { 'host.name': 'app-1', message: `${'y '.repeat(20_000)}`, 'event.dataset': 'order.app' },
  ])
  await expect.poll(async () => (await leakOf('resident-id', 'web-1'))?.values).toBe(residents.length)
  const leak = (await leakOf('resident-id', 'web-1'))!
  expect(leak).toMatchObject({ collector: 'syslog', events: 5, dataset: 'nginx.access' })
  expect(leak.fields.map(({ name }) => name)).toEqual(['url.query'])
  expect(leak.trend.reduce((sum, one) => sum + one, 0)).toBe(5)
  await expect.poll(async () => (await leakOf('mobile', 'app-1'))?.events).toBe(40)
  expect((await leakOf('mobile', 'app-1'))!.fields).toMatchObject([{ name: 'user.phone', values: 40 }])
  await expect.poll(async () => (await logs()).cut).toBe(1)

  await expect
    .poll(async () => (await alerts()).map(({ rule, labels }) => `${rule} ${labels['sensitive.kind']}`).sort())
    .toEqual(['dlp/contact-in-log mobile', 'dlp/identity-in-log resident-id', 'dlp/key-in-log private-key'])
  const identity = (await alerts()).find(({ rule }) => rule === 'dlp/identity-in-log')!
  const alert = await observatory.get<{ evidence: { eventIds: string[] } }>(`/api/alerts/${identity.id}`)
  const shown = [JSON.stringify(await logs()), JSON.stringify(await alerts()), JSON.stringify(alert)]
  for (const id of residents) for (const text of shown) expect(text).not.toContain(id)
  // The event that is linked shows it masked.
  const linked = alert.evidence.eventIds[0] ?? ''
  await expect
    .poll(async () => JSON.stringify(await observatory.get(`/api/events/${linked}`).catch(() => '')))
    .toContain(residents[0]!.slice(0, 6))
  const event = JSON.stringify(await observatory.get(`/api/events/${linked}`))
  for (const one of [...residents, mobile]) expect(event).not.toContain(one)
})

test('the metrics count the same, by dataset and kind', async () => {
  const text = await (await fetch(`${observatory.url}/metrics`)).text()
  expect(text).toContain('guanlan_sensitive_log_values_total{dataset="nginx.access",kind="resident-id"} 5')
  expect(text).toMatch(/guanlan_sensitive_log_cut_total 1\n/)
  expect(text).toMatch(/guanlan_sensitive_log_findings_total\{rule="dlp\/key-in-log"\} 1\n/)
})

test('an allowance that is written while it runs is in force; a wrong one is named and changes nothing', async () => {
  const file = join(rules, 'watch.yml')
  const before = await readFile(file, 'utf8')
  const reload = async (): Promise<unknown> =>
    (
      await fetch(`${observatory.url}/-/reload`, {
        method: 'POST',
        headers: { authorization: `Bearer ${observatory.token}` },
      })
    ).text()
  const allow = '\n  - { kinds: [plate], hosts: [gate-*], reason: the gate reads plates, until: 2036-12-31 }\n'
  await writeFile(file, before.replace('allowed: []', 'allowed:\n  - { kinds: [plates], hosts: [gate-1], reason: x }'))
  await reload()
  await writeFile(file, before.replace('allowed: []', `allowed:${allow}`))
  await reload()
  const plate = (host: string): object => ({ 'host.name': host, message: '车牌浙A12345入场', 'event.dataset': 'gate' })
  await ndjson([plate('gate-1'), plate('park-1')])
  await expect
    .poll(async () => (await alerts()).filter(({ labels }) => labels['sensitive.kind'] === 'plate').length)
    .toBe(1)
  const gate = await leakOf('plate', 'gate-1')
  expect(gate).toMatchObject({ events: 1, fields: [{ name: 'message', allowed: { reason: 'the gate reads plates' } }] })
  expect((await alerts()).find(({ labels }) => labels['sensitive.kind'] === 'plate')!.labels['host.name']).toBe(
    'park-1',
  )
})

test('a department sees the logs of its own systems', async () => {
  const actor = { kind: 'system', id: 'test', name: 'test', role: 'system', address: '' } as const
  const { secret } = await observatory.parts.people.addToken(actor, {
    ...{ name: 'police', role: 'analyst', scopes: ['read'], expiresMs: null },
    jurisdiction: { regions: [], departments: ['公安局'] },
  })
  await ndjson([{ 'host.name': 'x', 'guanlan.department': '公安局', message: `idcard=${residents[0]}` }])
  await expect.poll(async () => (await leakOf('resident-id', 'x'))?.events).toBe(1)
  const response = await fetch(`${observatory.url}/api/security/sensitive/logs`, {
    headers: { authorization: `Bearer ${secret}` },
  })
  const { leaks } = (await response.json()) as { leaks: Leak[] }
  expect(leaks.map(({ department }) => department)).toEqual(['公安局'])
})

describe.skipIf(pagesLack !== '')(`the page (needs ${pagesLack || 'Chromium'})`, () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: chromiumPath!, args: ['--no-sandbox'] })
  })
  afterAll(() => browser.close())

  test('from the source to the field, to the lines, which are masked', async () => {
    const page = await browser.newPage({ locale: 'en-US', viewport: { width: 1280, height: 900 } })
    page.setDefaultTimeout(30_000)
    await makeFirstAccount(page, observatory)
    await page.goto(`${observatory.url}/security/sensitive`)
    await page.getByRole('button', { name: 'In logs' }).click()
    await page.waitForURL(/view=logs/)
    await page.locator('tr[data-row]', { hasText: 'nginx.access' }).first().click()
    await page.getByRole('cell', { name: 'url.query' }).waitFor()
    await page.getByText('5 values in 5 lines').waitFor()
    await page.getByText('the gate reads plates').first().waitFor()
    await page.getByRole('link', { name: 'The latest lines' }).click()
    await page.waitForURL(/\/events/)
    await page.getByText(residents[0]!.slice(0, 6)).first().waitFor()
    for (const id of residents) expect(await page.content()).not.toContain(id)
    await page.close()
  })
})
