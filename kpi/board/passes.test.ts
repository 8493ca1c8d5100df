// Questions about a moment that is over: one pass over the cases answers all that are asked together, and what the pass leaves
// out would not have counted.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { seededRandom } from '#core/random.ts'
import { createDuckCases, duckCasesDefaults } from '#stores/cases/duckdb/store.ts'
import { gatherBrief } from '../brief/brief.ts'
import { emptyCase } from '../cases/case-record.ts'
import type { CaseRecord, CaseScan, CaseStore, KpiValue } from '../contract.ts'
import { loadDefinitions } from '../definitions/load.ts'
import { computeKpi } from '../engine/compute.ts'
import { calendarAt, compileCalendar, readCalendars } from '../time/calendar.ts'
import { parsePeriod } from '../time/period.ts'
import { zoneOf } from '../time/zone.ts'
import { createBoard } from './board.ts'
import { movementOf } from './movement.ts'

const rules = resolve(import.meta.dirname, '../../rules/kpi')
const definitions = loadDefinitions(rules)
const calendars = readCalendars(join(rules, 'calendars')).calendars.map(compileCalendar)
const day = 86_400_000
const start = Date.UTC(2026, 7, 1)
const home = mkdtempSync(join(tmpdir(), 'guanlan-passes-'))
const cases = createDuckCases({ ...duckCasesDefaults, directory: home })
const scans: CaseScan[] = []
const counted: CaseStore = {
  ...cases,
  scan: (request) => {
    scans.push(request)
    return cases.scan(request)
  },
}
const board = createBoard({
  ...{ definitions, calendars, cases: counted, nowMs: () => start + 120 * day },
  ...{ facts: () => [], catalogueVersion: () => null },
})

function caseOf(i: number, random: () => number): CaseRecord {
  const openedMs = start + Math.floor(random() * 100) * day
  const isClosed = random() < 0.8
  return {
    ...emptyCase(),
    ...{ id: `c${i}`, department: `d${i % 3}`, region: i % 2 ? '440103' : '440305', openedMs },
    ...{
      acceptedMs: random() < 0.8 ? openedMs + day : null,
      closedMs: isClosed ? openedMs + (2 + (i % 20)) * day : null,
    },
    ...{ dueMs: openedMs + 10 * day, outcome: isClosed ? 'granted' : 'none', channel: i % 4 ? 'web' : 'window' },
    ...{ steps: [{ name: 's', channel: i % 4 ? 'web' : 'window', channelRaw: '', atMs: openedMs, actor: '' }] },
  } as CaseRecord
}

beforeAll(async () => {
  await cases.open()
  const { next } = seededRandom(11)
  const all = Array.from({ length: 400 }, (_, i) => caseOf(i, next))
  for (let from = 0; from < all.length; from += 100)
    await cases.append(all.slice(from, from + 100), start + (40 + from / 10) * day)
  await cases.append(
    all
      .slice(0, 60)
      .map((one) => ({ ...one, version: 2, closedMs: (one.openedMs ?? 0) + 25 * day, outcome: 'refused' as const })),
    start + 100 * day,
  )
  await board.refresh()
}, 60_000)
afterAll(async () => {
  await cases.close()
  rmSync(home, { recursive: true, force: true })
})

it('gives what a count of everything gives, by any choice of when a case falls into a period', async () => {
  const evidence = await cases.since(0, 10_000)
  const options = ['online-completion', 'on-time', 'late', 'satisfaction'].flatMap((kpi) => {
    const { cohort } = definitions.byId.get(kpi)!.plan.definition.switches
    return [{}, ...Object.keys(cohort?.options ?? {}).map((option) => ({ cohort: option }))].map((switches) => ({
      ...{ kpi, switches: switches as Record<string, string> },
    }))
  })
  const questions = options.flatMap((one) =>
    ['2026-09', '2026-W37', '2026-10-08', '2026', 'all'].flatMap((period) =>
      [60, 110].map((days) => ({ ...one, period, knownMs: start + days * day, by: ['city'] })),
    ),
  )
  const expected = ({ kpi, switches, period, knownMs, by }: (typeof questions)[number]): KpiValue[] => {
    const { plan } = definitions.byId.get(kpi)!
    const calendar = calendarAt(calendars, plan.definition.calendar, knownMs)!
    return computeKpi(
      plan,
      { cases: evidence, facts: [] },
      {
        ...{ switches, period: parsePeriod(period, zoneOf(plan.definition.zone)), by, knownMs, calendar },
        ...{ validMs: knownMs, catalogueVersion: null },
      },
    )
  }
  const shown = (values: KpiValue[]) =>
    values.map(({ dimensions, numerator, denominator, count, state }) => ({
      ...{ dimensions, numerator, denominator, count, state },
    }))
  const asked = questions.map((one) => board.values({ ...one, only: {}, validMs: one.knownMs }))
  for (const [i, values] of (await Promise.all(asked)).entries())
    expect([questions[i], shown(values)]).toEqual([questions[i], shown(expected(questions[i]!))])
  for (const one of questions)
    expect([one, shown(await board.values({ ...one, only: {}, validMs: one.knownMs }))]).toEqual([
      one,
      shown(expected(one)),
    ])
}, 120_000)

it('looks at the cases once for a whole brief, and only at those of its two periods', async () => {
  scans.length = 0
  const thenMs = start + 90 * day
  const brief = await gatherBrief(
    board,
    { period: '2026-09', asOfMs: thenMs, knownMs: thenMs, only: {}, nowMs: thenMs, departments: true },
    {
      ...{ language: 'zh-Hans', synthetic: false, scope: '', checkpoint: null, cityNames: new Map() },
      ...{ departmentNames: new Map(), restated: [], notes: [], gradedMs: null },
      masthead: { title: '', issuer: '', classification: '', number: null, dateMs: null },
    },
  )
  expect(brief.rows.filter(({ definition }) => definition.fact === 'case').length).toBeGreaterThan(0)
  expect(brief.rows.find(({ definition }) => definition.fact === 'case')!.departments.length).toBeGreaterThan(2)
  expect(scans).toHaveLength(1)
  const { toMs } = parsePeriod('2026-09', zoneOf('Asia/Shanghai'))
  expect(scans[0]).toMatchObject({
    knownMs: thenMs,
    fromMs: parsePeriod('2026-08', zoneOf('Asia/Shanghai')).fromMs,
    toMs,
  })
})

it('looks at the cases once for why a figure moved between two weeks, and once more for what was said of it then', async () => {
  scans.length = 0
  const question = { kpi: 'online-completion', by: 'city', only: {}, switches: {} }
  await movementOf(board, { ...question, from: '2026-W36', to: '2026-W37', knownMsBefore: start + 70 * day })
  expect(scans).toHaveLength(2)
  scans.length = 0
  await movementOf(board, { ...question, from: '2026-08', to: '2026-09' })
  expect(scans).toHaveLength(0)
})
