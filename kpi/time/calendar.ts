// Working days as data: weekends, days off and make-up days of one version of a calendar, counted by prefix sums.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { readYaml, type SourceProblem } from '#core/yaml-source.ts'

const date = z.string().regex(/^\d{4}-\d\d-\d\d$/)
const daysByYear = z.record(z.string().regex(/^\d{4}$/), z.array(z.string().regex(/^\d\d-\d\d$/)))
export const calendarSchema = z.strictObject({
  id: z.string().min(1),
  version: z.string().min(1),
  name: z.strictObject({ en: z.string(), zh: z.string() }),
  known: date.describe('The day from which this version was known: figures as known before use the one before'),
  from: date,
  provisionalFrom: date,
  off: daysByYear,
  work: daysByYear,
})
export type CalendarSource = z.output<typeof calendarSchema>

/** Days are numbers: days since 1970-01-01 of the local date. */
export interface Calendar {
  id: string
  version: string
  knownMs: number
  isWorkingDay(day: number): boolean
  /** Working days after `from` up to and including `to`: the day on which a clock starts does not count. */
  workingDaysBetween(from: number, to: number): number
  /** The `count`-th working day after `from`. */
  addWorkingDays(from: number, count: number): number
  /** Working days and days of a calendar year. */
  year(year: number): { working: number; all: number }
  /** Spans of announced days off in a range, both ends included. */
  spansOff(from: number, to: number): [number, number][]
  /** Weekend days in a range that are worked. */
  daysWorked(from: number, to: number): number[]
  /** True when a day of the range is not announced yet. */
  isProvisional(from: number, to: number): boolean
}

const msPerDay = 86_400_000
const firstDay = Date.UTC(2000, 0, 1) / msPerDay
const lastDay = Date.UTC(2060, 0, 1) / msPerDay

export function dayOfDate(text: string): number {
  return Date.parse(`${text}T00:00:00Z`) / msPerDay
}

export function compileCalendar(source: CalendarSource): Calendar {
  const days = (byYear: Record<string, string[]>): Set<number> =>
    new Set(Object.entries(byYear).flatMap(([year, list]) => list.map((day) => dayOfDate(`${year}-${day}`))))
  const off = days(source.off)
  const work = days(source.work)
  const sortedOff = [...off].sort((a, b) => a - b)
  // 1970-01-01 was a Thursday.
  const working = (day: number): boolean => work.has(day) || ((((day + 3) % 7) + 7) % 7 < 5 && !off.has(day))
  const upTo = new Int32Array(lastDay - firstDay + 2)
  for (let day = firstDay; day <= lastDay; day++)
    upTo[day - firstDay + 1] = upTo[day - firstDay]! + (working(day) ? 1 : 0)
  /** Working days from the first day of the table up to and including a day; outside of it weekends are all that is known. */
  const through = (day: number): number =>
    day < firstDay - 1
      ? weekdaysThrough(day) - weekdaysThrough(firstDay - 1)
      : day > lastDay
        ? upTo.at(-1)! + weekdaysThrough(day) - weekdaysThrough(lastDay)
        : upTo[day - firstDay + 1]!
  const known = { from: dayOfDate(source.from), to: dayOfDate(source.provisionalFrom) }
  return {
    id: source.id,
    version: `${source.id}-${source.version}`,
    knownMs: Date.parse(`${source.known}T00:00:00Z`),
    isWorkingDay: working,
    workingDaysBetween: (from, to) => (to <= from ? 0 : through(to) - through(from)),
    addWorkingDays: (from, count) => {
      const wanted = through(from) + count
      let low = from
      // No seven days in a row in which not one is worked on are followed by seven more for ever.
      let high = from + count * 7 + 366
      while (low < high) {
        const middle = Math.floor((low + high) / 2)
        if (through(middle) < wanted) low = middle + 1
        else high = middle
      }
      return low
    },
    year: (year) => {
      const from = Date.UTC(year, 0, 1) / msPerDay
      const to = Date.UTC(year + 1, 0, 1) / msPerDay
      return { working: through(to - 1) - through(from - 1), all: to - from }
    },
    spansOff: (from, to) => {
      const spans: [number, number][] = []
      for (const day of sortedOff) {
        if (day < from || day > to) continue
        const last = spans.at(-1)
        if (last && last[1] === day - 1) last[1] = day
        else spans.push([day, day])
      }
      return spans
    },
    daysWorked: (from, to) => [...work].filter((day) => day >= from && day <= to).sort((a, b) => a - b),
    isProvisional: (from, to) => from < known.from || to >= known.to,
  }
}

/** Mondays to Fridays from Monday 1969-12-29 up to and including a day; negative before it. */
function weekdaysThrough(day: number): number {
  const days = day + 4
  const weeks = Math.floor(days / 7)
  return weeks * 5 + Math.min(days - weeks * 7, 5)
}

export function readCalendars(directory: string): { calendars: CalendarSource[]; problems: SourceProblem[] } {
  const calendars: CalendarSource[] = []
  const problems: SourceProblem[] = []
  for (const name of readdirSync(directory).sort()) {
    if (!name.endsWith('.yml')) continue
    const file = join(directory, name)
    const source = readYaml(file, readFileSync(file, 'utf8'), calendarSchema)
    problems.push(...source.problems)
    if (source.value) calendars.push(source.value)
  }
  return { calendars, problems }
}

/** The version that was known at a time; the first one for figures older than any. */
export function calendarAt(calendars: readonly Calendar[], id: string, knownMs: number): Calendar | undefined {
  const versions = calendars.filter((one) => one.id === id).sort((a, b) => a.knownMs - b.knownMs)
  return versions.findLast((one) => one.knownMs <= knownMs) ?? versions[0]
}
