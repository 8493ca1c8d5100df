// Findings behind the alerts on a real PostgreSQL: kept once a minute, listed, counted by facet, cut to a jurisdiction.
import { eq } from 'drizzle-orm'
import { Registry } from 'prom-client'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { ManualClock } from '#core/clock.ts'
import type { Finding } from '#core/finding.ts'
import { everywhere } from '#core/jurisdiction.ts'
import { silentLogger } from '#core/logger.ts'
import { systemRandom } from '#core/random.ts'
import { alerts, entities, findings } from '#stores/state/schema/index.ts'
import { openTestState, type TestState } from '#stores/state/testing.ts'
import { type Alerting, createAlerting } from '../alerting.ts'
import { alertingConfigSchema } from '../config.ts'
import { finding } from '../testing.ts'
import { findingDetail } from './detail.ts'
import { type FindingQuery, listFindings } from './list.ts'
import { retainFindings } from './retain.ts'

const startMs = Date.UTC(2026, 10, 25, 8)
let state: TestState
let clock: ManualClock
let alerting: Alerting
const running: Alerting[] = []

beforeAll(async () => {
  state = await openTestState()
  const place = { owner: '', criticality: 'medium' as const, protectionLevel: 2, updatedMs: startMs, aliases: [] }
  await state.database.insert(entities).values([
    { id: 'host:web-1', kind: 'host', name: 'web-1', region: '440305', department: 'A', ...place },
    { id: 'host:web-2', kind: 'host', name: 'web-2', region: '440106', department: 'B', ...place },
  ])
})
afterAll(() => state.dispose())
beforeEach(async () => {
  clock = new ManualClock(startMs)
  await state.database.delete(alerts)
  alerting = await begin()
})
afterEach(async () => {
  for (const one of running.splice(0)) await one.stop()
})

async function begin(): Promise<Alerting> {
  const made = createAlerting(alertingConfigSchema.parse({}), {
    ...{ database: state.database, clock, random: systemRandom, logger: silentLogger, metrics: new Registry() },
    ...{ publicUrl: '', keeps: ({ annotations }: Finding) => annotations['category'] === 'security' },
  })
  await made.start()
  running.push(made)
  return made
}

function seen(part: Partial<Finding> & { host?: string; more?: Record<string, string>; event?: string } = {}): Finding {
  const { host = 'web-1', more = {}, event = 'e1', ...rest } = part
  const atMs = rest.atMs ?? clock.nowMs()
  return finding({
    ...{ rule: 'sigma/r1', title: `Seen on ${host}`, labels: { 'host.name': host }, entities: [`host:${host}`], atMs },
    annotations: {
      category: 'security',
      'rule.title': 'A rule',
      'rule.title.zh': '一条规则',
      tactics: 'execution, initial-access',
      ...more,
    },
    evidence: { query: '', language: 'kql', fromMs: atMs, toMs: atMs, eventIds: [event], value: null, threshold: null },
    ...rest,
  })
}
const list = (part: Partial<FindingQuery> = {}) =>
  listFindings(state.database, {
    ...{ fromMs: startMs - 86_400_000, toMs: startMs + 86_400_000, within: everywhere, limit: 100, ...part },
  })
/** What is only in memory is written every few seconds, and at the end. */
async function settle(): Promise<void> {
  await alerting.stop()
  running.splice(0)
  alerting = await begin()
}

test('a finding is there with the first alert, one row a minute with its count and its events', async () => {
  await alerting.submit([seen({ event: 'a' }), seen({ event: 'b' })])
  expect((await list()).findings).toMatchObject([
    {
      ...{ count: 2, source: 'sigma', ruleName: 'A rule', alertState: 'firing', firstMs: startMs },
      ...{ tactics: ['execution', 'initial-access'], entities: ['host:web-1'] },
    },
  ])
  clock.advance(20_000)
  await alerting.submit([seen({ event: 'c' })])
  clock.advance(60_000)
  await alerting.submit([seen({ event: 'd' })])
  await settle()
  const { findings: rows, total } = await list()
  expect(rows.map(({ count, firstMs, lastMs }) => [count, firstMs, lastMs])).toEqual([
    [1, startMs + 80_000, startMs + 80_000],
    [3, startMs, startMs + 20_000],
  ])
  expect(total).toBe(2)
  const detail = await findingDetail(state.database, rows[1]!.id, everywhere)
  expect(detail).toMatchObject({
    evidence: { eventIds: ['a', 'b', 'c'] },
    alert: { id: rows[1]!.alertId, findingCount: 4, state: 'firing' },
    around: [{ id: rows[0]!.id }],
  })
})

test('seen again after a restart, as a replay shows it, it is not counted twice', async () => {
  await alerting.submit([seen({ event: 'a' }), seen({ event: 'b' }), seen({ event: 'c' })])
  await settle()
  await alerting.submit([seen({ event: 'a' }), seen({ event: 'b' })])
  await settle()
  const [row] = (await list()).findings
  expect(row).toMatchObject({ count: 3 })
  expect((await findingDetail(state.database, row!.id, everywhere)).evidence.eventIds).toEqual(['a', 'b', 'c'])
})

test('what is no security finding, what is over and what is unknown is not kept', async () => {
  await alerting.submit([seen({ annotations: {} }), seen({ host: 'web-2', state: 'unknown' }), seen({ state: 'over' })])
  await settle()
  expect(await list()).toMatchObject({ findings: [], total: 0, next: null })
})

test('a pending alert has its findings too', async () => {
  await alerting.submit([seen({ forMs: 3_600_000 })])
  expect((await list()).findings).toMatchObject([{ alertState: 'pending' }])
})

test('facets count under the filters of the others, and each narrows the list', async () => {
  await alerting.submit([
    seen(),
    seen({ host: 'web-2', severity: 'high', more: { tactics: 'Credential_Access', techniques: 't1110' } }),
    seen({ rule: 'intel/feed', severity: 'high', more: { 'rule.title': '', tactics: '' } }),
  ])
  const { facets } = await list()
  expect(facets.severity).toEqual([
    { value: 'high', count: 2 },
    { value: 'medium', count: 1 },
  ])
  expect(facets.source.map(({ value }) => value).sort()).toEqual(['intel', 'sigma'])
  expect(facets.rule).toContainEqual({ value: 'sigma/r1', name: 'A rule', nameZh: '一条规则', count: 2 })
  expect(facets.tactic.map(({ value }) => value).sort()).toEqual(['credential-access', 'execution', 'initial-access'])
  expect(facets.technique).toEqual([{ value: 'T1110', count: 1 }])
  expect(facets.entity).toEqual([
    { value: 'host:web-1', count: 2 },
    { value: 'host:web-2', count: 1 },
  ])
  const high = await list({ severities: ['high'] })
  expect(high.total).toBe(2)
  expect(high.facets.severity).toHaveLength(2)
  expect(high.facets.entity).toHaveLength(2)
  for (const [part, count] of [
    [{ source: 'intel' }, 1],
    [{ rule: 'sigma/r1' }, 2],
    [{ tactic: 'credential-access' }, 1],
    [{ technique: 'T1110' }, 1],
    [{ entity: 'host:web-1' }, 2],
    [{ q: 'WEB-2 seen' }, 1],
    [{ q: '100% _' }, 0],
    [{ toMs: startMs }, 0],
    [{ fromMs: startMs + 1 }, 0],
  ] as const)
    expect([part, (await list(part)).total]).toEqual([part, count])
  await expect(list({ q: 'x '.repeat(20) })).rejects.toMatchObject({ code: 'query.limit' })
})

test('pages do not shift while findings come', async () => {
  for (let i = 0; i < 5; i++) {
    await alerting.submit([seen({ host: `h${i}` })])
    clock.advance(60_000)
  }
  const first = await list({ limit: 2 })
  await alerting.submit([seen({ host: 'new' })])
  const second = await list({ limit: 2, before: first.next! })
  const third = await list({ limit: 2, before: second.next! })
  expect([...first.findings, ...second.findings, ...third.findings].map(({ entities: [one] }) => one)).toEqual(
    [4, 3, 2, 1, 0].map((i) => `host:h${i}`),
  )
  expect(third.next).toBeNull()
  await expect(list({ before: 'nonsense' })).rejects.toMatchObject({ code: 'query.invalid' })
})

test('who answers for a part sees that part, and nothing else is there', async () => {
  await alerting.submit([seen(), seen({ host: 'web-2' })])
  const bounds = { regions: ['440300'], departments: [] }
  const mine = await list({ within: bounds })
  expect(mine.findings.map(({ entities: [one] }) => one)).toEqual(['host:web-1'])
  expect(mine.facets.entity).toEqual([{ value: 'host:web-1', count: 1 }])
  const all = (await list()).findings
  const other = all.find(({ entities: [one] }) => one === 'host:web-2')!
  await expect(findingDetail(state.database, other.id, bounds)).rejects.toMatchObject({ code: 'not-found' })
  await expect(findingDetail(state.database, 999_999, everywhere)).rejects.toMatchObject({ code: 'not-found' })
})

test('old findings leave, and beyond the most that are kept the oldest; an alert that goes takes its own along', async () => {
  for (let i = 0; i < 6; i++) {
    await alerting.submit([seen({ host: `h${i}` })])
    clock.advance(60_000)
  }
  await retainFindings(state.database, startMs + 60_000, 1000)
  expect((await list()).total).toBe(5)
  await retainFindings(state.database, 0, 3)
  expect((await list()).findings.map(({ entities: [one] }) => one)).toEqual(['host:h5', 'host:h4', 'host:h3'])
  const [row] = (await list()).findings
  await state.database.delete(alerts).where(eq(alerts.id, row!.alertId))
  expect(await state.database.$count(findings)).toBe(2)
})
