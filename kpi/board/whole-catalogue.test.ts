// A publication that is most of the catalogue is counted into cubes of its own: figures are those of a count of everything,
// before, while and after.
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'
import type { CaseStore, Fact, KpiValue } from '../contract.ts'
import { loadDefinitions } from '../definitions/load.ts'
import { computeKpi } from '../engine/compute.ts'
import { calendarAt, compileCalendar, readCalendars } from '../time/calendar.ts'
import { parsePeriod } from '../time/period.ts'
import { zoneOf } from '../time/zone.ts'
import { createBoard } from './board.ts'
import { withCity } from './state-facts.ts'

const rules = resolve(import.meta.dirname, '../../rules/kpi')
const definitions = loadDefinitions(rules)
const calendars = readCalendars(join(rules, 'calendars')).calendars.map(compileCalendar)
const nowMs = Date.UTC(2026, 10, 20)
const noCases = {
  since: async () => [],
  lastSequence: async () => 0,
  async *scan() {},
} as Partial<CaseStore> as CaseStore

const rowsOf = (version: number, count: number, promised: (i: number) => string): Fact[] =>
  Array.from({ length: count }, (_, i) => ({
    ...{
      kind: 'item' as const,
      id: `i${i}`,
      version,
      knownMs: nowMs - 1000 + version,
      validFromMs: 0,
      validToMs: null,
    },
    fields: {
      ...{ code: `i${i}`, department: `d${i % 7}`, region: `44${String(1 + (i % 21)).padStart(2, '0')}03` },
      ...{ 'legal.amount': '20', 'legal.unit': i % 5 ? 'working-day' : 'month' },
      ...{ 'promised.amount': promised(i), 'promised.unit': 'working-day', online: i % 3 > 0, mobile: i % 4 > 0 },
    },
  }))

it('gives what a count of everything gives, also while it is counted and of a time before', async () => {
  const first = rowsOf(1, 1200, (i) => String(i % 9))
  const second = [...first, ...rowsOf(2, 900, (i) => String(i % 4))]
  const third = [...second, ...rowsOf(3, 20, () => '1')]
  let facts = first
  const board = createBoard({
    ...{ definitions, calendars, cases: noCases, nowMs: () => nowMs },
    ...{ facts: () => facts, catalogueVersion: () => facts.at(-1)!.version },
  })
  const expected = (of: Fact[], kpi: string, by: string[], knownMs = nowMs): KpiValue[] => {
    const { plan } = definitions.byId.get(kpi)!
    const calendar = calendarAt(calendars, plan.definition.calendar, knownMs)!
    const period = parsePeriod('all', zoneOf(plan.definition.zone))
    const request = { switches: {}, period, by, validMs: knownMs, knownMs, calendar, catalogueVersion: 0 }
    return computeKpi(plan, { cases: [], facts: of.map(withCity) }, request)
  }
  const figures = (values: KpiValue[]) =>
    values.map(({ dimensions, ratio, numerator, denominator, count, state, groups }) => ({
      ...{ dimensions, ratio, numerator, denominator, count, state, groups },
    }))
  const agrees = async (of: Fact[]): Promise<void> => {
    for (const kpi of ['time-compression', 'online-availability', 'mobile-availability'])
      for (const by of [[], ['city'], ['department'], ['city', 'department']])
        expect(figures(await board.values({ kpi, switches: {}, period: 'all', by, only: {} }))).toEqual(
          figures(expected(of, kpi, by)),
        )
  }
  await board.refresh()
  await agrees(first)
  facts = second
  const running = board.refresh()
  const by = ['city']
  const asked = { kpi: 'time-compression', switches: {}, period: 'all', by, only: {} }
  const meanwhile = figures(await board.values(asked))
  // All of one publication or all of the other.
  expect([first, second].map((of) => figures(expected(of, asked.kpi, by)))).toContainEqual(meanwhile)
  await running
  await agrees(second)
  facts = third
  await board.refresh()
  await agrees(third)
  const thenMs = nowMs - 998
  expect(figures(await board.values({ ...asked, validMs: thenMs, knownMs: thenMs }))).toEqual(
    figures(expected(third, 'time-compression', ['city'], thenMs)),
  )
})
