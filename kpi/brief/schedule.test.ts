import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compileCalendar, readCalendars } from '../time/calendar.ts'
import { parsePeriod } from '../time/period.ts'
import { zoneOf } from '../time/zone.ts'
import { dueMsOf, duePeriods, nextDue } from './schedule.ts'

const zone = zoneOf('Asia/Shanghai')
const calendar = compileCalendar(readCalendars('rules/kpi/calendars').calendars[0]!)
const weekly = { every: 'week', workingDay: 1, at: '08:30' } as const
const local = (ms: number): string => new Date(ms + 8 * 3_600_000).toISOString().slice(0, 16)

test('a week is told of on the first working day after it, when people are back from a holiday', () => {
  expect(local(dueMsOf('2026-W46', weekly, calendar, zone))).toBe('2026-11-16T08:30')
  // 27 September to 4 October ends in the days off for National Day, 1 to 7 October.
  expect(local(dueMsOf('2026-W40', weekly, calendar, zone))).toBe('2026-10-08T08:30')
  expect(local(dueMsOf('2026-W08', weekly, calendar, zone))).toBe('2026-02-24T08:30')
  expect(local(dueMsOf('2026-10', { ...weekly, every: 'month', workingDay: 3 }, calendar, zone))).toBe(
    '2026-11-04T08:30',
  )
})

const rhythm = fc.record({
  every: fc.constantFrom('week' as const, 'month' as const),
  workingDay: fc.integer({ min: 1, max: 20 }),
  at: fc.constantFrom('00:00', '08:30', '23:59'),
})
const instant = fc.integer({ min: Date.UTC(2025, 0, 1), max: Date.UTC(2027, 0, 1) })

test('however often one looks, each period is due once, on a working day after its end, and none is left out', () => {
  fc.assert(
    fc.property(rhythm, fc.array(instant, { minLength: 2, maxLength: 8 }), (given, looks) => {
      looks.sort((a, b) => a - b)
      const step = looks.slice(1).flatMap((ms, i) => duePeriods(given, looks[i]!, ms, calendar, zone))
      expect(step).toEqual(duePeriods(given, looks[0]!, looks.at(-1)!, calendar, zone))
      for (const [i, { period, dueMs }] of step.entries()) {
        const { fromMs, toMs } = parsePeriod(period, zone)
        expect(dueMs).toBeGreaterThanOrEqual(toMs)
        expect(calendar.isWorkingDay(zone.dayOf(dueMs))).toBe(true)
        if (i > 0) expect(parsePeriod(step[i - 1]!.period, zone).toMs).toBe(fromMs)
      }
    }),
    { numRuns: 60 },
  )
})

test('what comes next is the first that becomes due after now', () => {
  fc.assert(
    fc.property(rhythm, instant, (given, nowMs) => {
      const next = nextDue(given, nowMs, calendar, zone)
      expect(next.dueMs).toBeGreaterThan(nowMs)
      expect(duePeriods(given, nowMs, next.dueMs, calendar, zone)[0]).toEqual(next)
    }),
    { numRuns: 60 },
  )
})

test('a calendar that knows a make-up Sunday as a working day does not hurry: the week is over first', () => {
  const source = readCalendars(join('rules/kpi', 'calendars')).calendars[0]!
  const made = compileCalendar({ ...source, work: { '2026': ['11-15'] } })
  expect(local(dueMsOf('2026-W46', weekly, made, zone))).toBe('2026-11-16T08:30')
})
