// Instants as Python's zoneinfo gives them (fold 0), working days as the State Council's notices have them.
import { join, resolve } from 'node:path'
import { expect, it } from 'vitest'
import { instant } from '../oracle/days.ts'
import { compileCalendar, dayOfDate, readCalendars } from './calendar.ts'
import { parsePeriod, weekOfDay } from './period.ts'
import { zoneOf } from './zone.ts'

const rules = resolve(import.meta.dirname, '../../rules/kpi')
const china = compileCalendar(readCalendars(join(rules, 'calendars')).calendars[0]!)

it.each([
  ['Europe/Amsterdam', '2019-03-31T02:30', '2019-03-31T01:30:00.000Z'],
  ['Europe/Amsterdam', '2019-10-27T02:30', '2019-10-27T00:30:00.000Z'],
  ['America/New_York', '2019-03-10T02:30', '2019-03-10T07:30:00.000Z'],
  ['America/New_York', '2019-11-03T01:30', '2019-11-03T05:30:00.000Z'],
  ['Australia/Lord_Howe', '2020-10-04T02:15', '2020-10-03T15:45:00.000Z'],
  ['Australia/Lord_Howe', '2020-04-05T01:45', '2020-04-04T14:45:00.000Z'],
  ['Australia/Sydney', '2011-10-02T02:30', '2011-10-01T16:30:00.000Z'],
  ['Africa/Cairo', '2023-04-28T00:00', '2023-04-27T22:00:00.000Z'],
  ['America/Sao_Paulo', '2018-11-04T00:00', '2018-11-04T03:00:00.000Z'],
  ['Pacific/Apia', '2011-12-30T12:00', '2011-12-30T22:00:00.000Z'],
  ['Asia/Shanghai', '1988-04-17T02:30', '1988-04-16T18:30:00.000Z'],
  ['Asia/Kathmandu', '2024-02-29T00:00', '2024-02-28T18:15:00.000Z'],
])('the clocks of %s show %s at %s', (name, local, utc) => {
  expect(new Date(zoneOf(name).instantOf(Date.parse(`${local}Z`))).toISOString()).toBe(utc)
  expect(new Date(instant(`${local}:00.000`, name)).toISOString()).toBe(utc)
})

it('a day whose midnight the clocks leave out begins when it does, not an hour before', () => {
  const zone = zoneOf('Africa/Cairo')
  const { fromMs, toMs } = parsePeriod('2023-04-28', zone)
  expect(zone.dayOf(fromMs)).toBe(dayOfDate('2023-04-28'))
  expect(zone.dayOf(fromMs - 1)).toBe(dayOfDate('2023-04-27'))
  expect(toMs - fromMs).toBe(23 * 3_600_000)
})

it.each([
  // Over the Spring Festival of 2020 as it was prolonged after it had begun; over make-up days before and after holidays.
  ['2020-01-23', '2020-02-03', 1],
  ['2019-09-27', '2019-10-12', 7],
  ['2024-02-08', '2024-02-19', 3],
  ['2026-02-13', '2026-02-24', 2],
  ['2024-02-28', '2024-03-01', 2],
])('from %s to %s there are %i working days', (from, to, count) => {
  expect(china.workingDaysBetween(dayOfDate(from), dayOfDate(to))).toBe(count)
})

it('counts weekdays where no calendar reaches, and goes on from there', () => {
  const between = (from: string, to: string) => china.workingDaysBetween(dayOfDate(from), dayOfDate(to))
  expect(between('1995-06-02', '1995-06-12')).toBe(6)
  expect(between('1900-01-01', '1900-01-31')).toBe(22)
  expect(between('2099-12-31', '2100-01-04')).toBe(2)
  expect(between('1999-12-01', '2000-01-31')).toBe(
    between('1999-12-01', '1999-12-31') + between('1999-12-31', '2000-01-31'),
  )
  expect(china.addWorkingDays(dayOfDate('1995-06-02'), 6)).toBe(dayOfDate('1995-06-12'))
  expect(china.addWorkingDays(dayOfDate('2026-02-13'), 2)).toBe(dayOfDate('2026-02-24'))
})

it.each(['2024-13', '2024-00', '2024-02-30', '2023-02-29', '2024-Q5', '24-01', '2024-1', '2021-W53', '2026-W00'])(
  'there is no period %s',
  (label) => {
    expect(() => parsePeriod(label, zoneOf('Asia/Shanghai'))).toThrow(`"${label}" is no period`)
  },
)

it('weeks are those of ISO 8601, one after the other without a gap', () => {
  const zone = zoneOf('Asia/Shanghai')
  const monday = (label: string): string => new Date(parsePeriod(label, zone).fromMs + 8 * 3_600_000).toISOString()
  expect(monday('2026-W01')).toMatch(/^2025-12-29T00/)
  expect(monday('2020-W53')).toMatch(/^2020-12-28T00/)
  expect(monday('2021-W01')).toMatch(/^2021-01-04T00/)
  for (let day = dayOfDate('1998-12-28'), endMs = Number.NaN; day < dayOfDate('2031-01-01'); day += 7) {
    const { fromMs, toMs } = parsePeriod(weekOfDay(day), zone)
    expect(toMs - fromMs).toBe(7 * 86_400_000)
    if (!Number.isNaN(endMs)) expect(fromMs).toBe(endMs)
    endMs = toMs
  }
})
