import fc from 'fast-check'
import { expect, test } from 'vitest'
import { changesAt, containsTime, isWithin, namedIntervalSchema } from './time-interval.ts'

const named = (...intervals: object[]) => namedIntervalSchema.parse({ name: 'n', time_intervals: intervals })
const at = (text: string): number => Date.parse(text)

test('office hours in Shanghai are read in Shanghai', () => {
  const office = named({
    ...{ times: [{ start_time: '09:00', end_time: '17:30' }], weekdays: ['monday:friday'], location: 'Asia/Shanghai' },
  })
  expect(isWithin(office, at('2026-11-25T01:00:00Z'))).toBe(true)
  expect(isWithin(office, at('2026-11-25T00:59:59Z'))).toBe(false)
  expect(isWithin(office, at('2026-11-25T09:29:59Z'))).toBe(true)
  expect(isWithin(office, at('2026-11-25T09:30:00Z'))).toBe(false)
  expect(isWithin(office, at('2026-11-28T02:00:00Z'))).toBe(false)
  // Friday evening in London is Saturday there.
  expect(isWithin(office, at('2026-11-27T23:00:00Z'))).toBe(false)
})

test('the last days of a month are the last days of each month', () => {
  const last = named({ days_of_month: ['-3:-1'] })
  const days = (month: string, length: number): number[] =>
    Array.from({ length }, (_, i) => i + 1).filter((day) =>
      isWithin(last, at(`${month}-${String(day).padStart(2, '0')}T12:00:00Z`)),
    )
  expect(days('2027-02', 28)).toEqual([26, 27, 28])
  expect(days('2028-02', 29)).toEqual([27, 28, 29])
  expect(days('2027-04', 30)).toEqual([28, 29, 30])
  expect(days('2027-05', 31)).toEqual([29, 30, 31])
})

test('a day that a month does not have is no day of it', () => {
  expect(isWithin(named({ days_of_month: ['31'] }), at('2027-02-28T12:00:00Z'))).toBe(false)
  expect(isWithin(named({ days_of_month: ['30:31'] }), at('2027-04-30T12:00:00Z'))).toBe(true)
})

test('when it changes is the first minute that is otherwise', () => {
  const night = named(
    { times: [{ start_time: '22:00', end_time: '24:00' }] },
    { times: [{ start_time: '00:00', end_time: '06:00' }] },
  )
  expect(changesAt(night, at('2026-11-25T23:12:34Z'))).toBe(at('2026-11-26T06:00:00Z'))
  expect(changesAt(night, at('2026-11-25T06:00:00Z'))).toBe(at('2026-11-25T22:00:00Z'))
  expect(changesAt(named({}), at('2026-11-25T06:00:00Z'))).toBeUndefined()
})

const weekdays = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday']
const pair = (min: number, max: number) =>
  fc
    .tuple(fc.integer({ min, max }), fc.integer({ min, max }))
    .map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const)
const clock = (minute: number): string =>
  `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`
const instant = fc.integer({ min: at('2020-01-01T00:00:00Z'), max: at('2032-12-31T23:59:59Z') })

test('in UTC it holds exactly when every given part holds by the calendar', () => {
  const part = fc.record(
    {
      times: fc.array(
        pair(0, 1440).filter(([a, b]) => a < b),
        { maxLength: 3 },
      ),
      weekdays: fc.array(pair(0, 6), { maxLength: 3 }),
      days: fc.array(pair(1, 31), { maxLength: 2 }),
      fromEnd: fc.array(pair(-27, -1), { maxLength: 2 }),
      months: fc.array(pair(1, 12), { maxLength: 2 }),
      years: fc.array(pair(2020, 2032), { maxLength: 2 }),
    },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(part, instant, (parts, ms) => {
      const days = [...(parts.days ?? []), ...(parts.fromEnd ?? [])]
      const given = parts.days !== undefined || parts.fromEnd !== undefined
      const text = (list: readonly (readonly [number, number])[]): string[] => list.map(([a, b]) => `${a}:${b}`)
      const interval = named({
        ...(parts.times ? { times: parts.times.map(([a, b]) => ({ start_time: clock(a), end_time: clock(b) })) } : {}),
        ...(parts.weekdays ? { weekdays: parts.weekdays.map(([a, b]) => `${weekdays[a]}:${weekdays[b]}`) } : {}),
        ...(given ? { days_of_month: text(days) } : {}),
        ...(parts.months ? { months: text(parts.months) } : {}),
        ...(parts.years ? { years: text(parts.years) } : {}),
      }).intervals[0]!
      const date = new Date(ms)
      const length = new Date(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1, 0)).getUTCDate()
      const minute = date.getUTCHours() * 60 + date.getUTCMinutes()
      const holds = (list: readonly (readonly [number, number])[] | undefined, value: number): boolean =>
        list === undefined || list.some(([a, b]) => a <= value && value <= b)
      const expected =
        (parts.times === undefined || parts.times.some(([a, b]) => a <= minute && minute < b)) &&
        holds(parts.weekdays, date.getUTCDay()) &&
        // A day counted from the end is the same day counted from the start, one month long less.
        (!given || holds(days, date.getUTCDate()) || holds(days, date.getUTCDate() - length - 1)) &&
        holds(parts.months, date.getUTCMonth() + 1) &&
        holds(parts.years, date.getUTCFullYear())
      expect(containsTime(interval, ms)).toBe(expected)
    }),
    { numRuns: 2000 },
  )
})

test('a place whose clock is fixed ahead has the same interval so much earlier', () => {
  fc.assert(
    fc.property(
      pair(0, 1440).filter(([a, b]) => a < b),
      pair(0, 6),
      instant,
      ([from, to], [first, last], ms) => {
        const part = {
          times: [{ start_time: clock(from), end_time: clock(to) }],
          weekdays: [`${weekdays[first]}:${weekdays[last]}`],
        }
        const there = named({ ...part, location: 'Asia/Shanghai' })
        expect(isWithin(there, ms)).toBe(isWithin(named(part), ms + 8 * 3_600_000))
      },
    ),
  )
})

test('the next change is the one that looking at every minute finds, also where clocks are changed', () => {
  const zone = fc.constantFrom('UTC', 'Asia/Shanghai', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe')
  const part = fc.record(
    {
      times: fc.array(
        pair(0, 1440).filter(([a, b]) => a < b),
        { minLength: 1, maxLength: 2 },
      ),
      weekdays: fc.array(pair(0, 6), { minLength: 1, maxLength: 2 }),
      location: zone,
    },
    { requiredKeys: ['location'] },
  )
  // Around the days on which clocks are changed in one of them.
  const start = fc
    .tuple(
      fc.constantFrom('2026-03-29T00:00Z', '2026-03-08T00:00Z', '2026-10-25T00:00Z', '2026-04-04T12:00Z'),
      fc.integer({ min: -1500, max: 300 }),
    )
    .map(([day, minutes]) => at(day) + minutes * 60_000)
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 2 }), start, (parts, ms) => {
      const interval = named(
        ...parts.map(({ times, weekdays: days, location }) => ({
          location,
          ...(times ? { times: times.map(([a, b]) => ({ start_time: clock(a), end_time: clock(b) })) } : {}),
          ...(days ? { weekdays: days.map(([a, b]) => `${weekdays[a]}:${weekdays[b]}`) } : {}),
        })),
      )
      const now = isWithin(interval, ms)
      let expected: number | undefined
      for (let minute = 1; minute <= 2 * 1440 && expected === undefined; minute++)
        if (isWithin(interval, ms + minute * 60_000) !== now) expected = ms + minute * 60_000
      const found = changesAt(interval, ms)
      expect(found !== undefined && found <= ms + 2 * 86_400_000 ? found : undefined).toBe(expected)
    }),
    { numRuns: 150 },
  )
})
