// From events in the event store to cases that nobody reported, with the real stores.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { systemClock } from '#core/clock.ts'
import { silentLogger } from '#core/logger.ts'
import { emptyCase } from '#kpi/cases/case-record.ts'
import type { TelemetrySource } from '#kpi/integrity/traces.ts'
import { createDuckCases, duckCasesDefaults } from '#stores/cases/duckdb/store.ts'
import type { CaseStore } from '#stores/cases/store.ts'
import { createDuckEvents, type DuckEvents, duckEventsDefaults } from '#stores/events/duckdb/store.ts'
import { event } from '#stores/events/testing.ts'
import { openTestState, type TestState } from '#stores/state/testing.ts'
import { createForeignTraces, type ForeignTraces } from './foreign-traces.ts'

const msPerDay = 86_400_000
const day = Date.UTC(2026, 9, 5)
const sources: TelemetrySource[] = [
  { kind: 'gateway-call', query: 'event.dataset:gateway', case: 'labels.case', unit: 'labels.department' },
  { kind: 'payment', query: 'event.dataset:treasury', case: 'labels.case' },
]
const rules = { reportedWithinDays: 5, withinMsMax: 72 * 3_600_000 }
let directory = ''
let state: TestState
let cases: CaseStore
let events: DuckEvents
let foreign: ForeignTraces

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'guanlan-foreign-'))
  state = await openTestState()
  cases = createDuckCases({ ...duckCasesDefaults, directory: join(directory, 'cases') })
  await cases.open()
  events = createDuckEvents(
    { ...duckEventsDefaults, directory: join(directory, 'events') },
    { clock: systemClock, logger: silentLogger },
  )
  await events.open()
  const call = (n: number, dataset: string, caseId: string, department: string, atMs = day + n) =>
    event({
      ...{ 'event.id': `${dataset}-${n}-${atMs}`, '@timestamp': atMs, 'event.dataset': dataset },
      ...{ 'labels.case': caseId, ...(department === '' ? {} : { 'labels.department': department }) },
    })
  const batch = [
    // More than one answer of the store holds, within one second and over the day.
    ...Array.from({ length: 3000 }, (_, n) => call(n * 20_000, 'gateway', `a-${n}`, 'd1')),
    call(1, 'treasury', 'a-7', ''),
    call(2, 'treasury', 'b-1', ''),
    call(3, 'gateway', 'b-1', 'd2'),
    call(4, 'gateway', 'soon-1', 'd1', day + 10 * msPerDay),
    event({ 'event.id': 'other', '@timestamp': day, 'event.dataset': 'web', 'labels.case': 'c-1' }),
  ]
  await events.append(batch, 1)
  const reported = Array.from({ length: 3000 }, (_, n) => n)
    .filter((n) => n % 100 !== 7)
    .map((n) => ({ ...emptyCase(), id: `a-${n}`, department: 'd1', openedMs: day }))
  await cases.append(reported, day + msPerDay)
  foreign = createForeignTraces(
    { database: state.database, events, cases, directory: join(directory, 'seen') },
    sources,
    rules,
  )
})
afterAll(async () => {
  await events.close()
  await cases.close()
  await state.dispose()
  await rm(directory, { recursive: true, force: true })
})

it('keeps what was named and not reported, when it had time to be', async () => {
  expect(await foreign.collect(day + 4 * msPerDay)).toBe(0)
  const found = 30 + 3
  expect(await foreign.collect(day + 7 * msPerDay)).toBe(found)
  const list = await foreign.list(day, day + msPerDay)
  expect(list).toHaveLength(found)
  expect(list.filter(({ caseId }) => caseId.startsWith('a-'))).toContainEqual({
    ...{ caseId: 'a-107', unit: 'd1', kind: 'gateway-call' },
  })
  expect(
    list
      .filter(({ caseId }) => caseId === 'b-1')
      .map(({ kind, unit }) => [kind, unit])
      .sort(),
  ).toEqual([
    ['gateway-call', 'd2'],
    ['payment', ''],
  ])
  expect(list.some(({ caseId }) => caseId === 'c-1' || caseId === 'soon-1')).toBe(false)
})

it('looks at no day twice, and at a new day when its time has come', async () => {
  expect(await foreign.collect(day + 7 * msPerDay)).toBe(0)
  expect(await foreign.collect(day + 17 * msPerDay)).toBe(1)
  expect(await foreign.list(day, day + 30 * msPerDay)).toHaveLength(34)
})

it('keeps what was seen of cases that were reported, by their numbers, today as well', async () => {
  const nowMs = day + 3_600_000
  const inPath: TelemetrySource[] = [
    { kind: 'gateway-call', query: 'event.dataset:portal', case: 'url.path', pattern: '/cases/(?P<case>[^/]+)' },
  ]
  await foreign.close()
  const portal = createForeignTraces(
    { database: state.database, events, cases, directory: join(directory, 'seen') },
    inPath,
    rules,
  )
  const opened = (n: number, path: string) =>
    event({ ...{ 'event.id': `p-${n}`, '@timestamp': day + n, 'event.dataset': 'portal', 'url.path': path } })
  await events.append(
    [opened(1, '/v1/cases/%E6%94%BF%2F7/submit'), opened(2, '/v1/cases/a-1'), opened(3, '/health')],
    2,
  )
  expect(await portal.collect(nowMs)).toBe(0)
  await cases.append([{ ...emptyCase(), id: '政/7', department: 'd1', openedMs: day }], nowMs)
  const seen = async () => portal.seen(await cases.since(0, 10_000))
  const first = await seen()
  expect(first.get('政/7')).toEqual([{ kind: 'gateway-call', atMs: day + 1, reference: '政/7' }])
  expect(first.get('a-1')).toContainEqual({ kind: 'gateway-call', atMs: day + 2, reference: 'a-1' })
  // Of the other source, which was asked before.
  expect(first.get('a-2')).toEqual([{ kind: 'gateway-call', atMs: day + 40_000, reference: 'a-2' }])
  // A line that comes later on the same day is taken in, and nothing twice.
  await events.append([opened(4, '/v1/cases/a-1')], 3)
  await portal.collect(nowMs)
  await portal.collect(nowMs + 10 * msPerDay)
  const later = await seen()
  expect(later.get('政/7')).toHaveLength(1)
  expect(later.get('a-1')).toHaveLength(first.get('a-1')!.length)
  await portal.close()
})

it('asks only about days that have something, and ends between two of them when it is told to', async () => {
  const asked: number[] = []
  const counted = {
    ...{ stats: () => events.stats(), histogram: events.histogram.bind(events) },
    groupCount: (...given: Parameters<typeof events.groupCount>) => {
      asked.push(given[1].fromMs)
      return events.groupCount(...given)
    },
  }
  const places = { database: state.database, cases, directory: join(directory, 'seen') }
  const others = createForeignTraces({ ...places, events: counted }, [...sources, ...sources], rules)
  const ending = new AbortController()
  ending.abort()
  await expect(others.collect(day + 700 * msPerDay, ending.signal)).rejects.toThrow()
  expect(asked).toEqual([])
  await others.collect(day + 700 * msPerDay)
  const days = new Set(asked.map((fromMs) => Math.floor(fromMs / msPerDay)))
  expect(days.size).toBeGreaterThan(0)
  expect(days.size).toBeLessThan(20)
  asked.length = 0
  await others.collect(day + 700 * msPerDay)
  expect(asked).toEqual([])
  await others.close()
})
