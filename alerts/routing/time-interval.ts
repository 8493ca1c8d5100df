// Time intervals as Alertmanager has them (timeinterval/timeinterval.go): every part that is given must hold; within a
// part one range suffices. Ranges of words and numbers include their end, times of the day do not. Without a location
// the time is UTC.
import { z } from 'zod'

/** Both ends included. */
export interface Range {
  begin: number
  end: number
}

export interface TimeInterval {
  /** Minutes of the day; the end is not included. */
  times?: Range[] | undefined
  /** Sunday is 0. */
  weekdays?: Range[] | undefined
  /** From 1; negative counts from the end of the month, -1 is its last day. */
  daysOfMonth?: Range[] | undefined
  months?: Range[] | undefined
  years?: Range[] | undefined
  /** IANA name. */
  location: string
}

export interface NamedInterval {
  name: string
  intervals: TimeInterval[]
}

const weekdays = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday']
const months = [
  ...['january', 'february', 'march', 'april', 'may', 'june'],
  ...['july', 'august', 'september', 'october', 'november', 'december'],
]
const rangesMax = 100

type Wrong = (message: string) => undefined

/** `a:b` or `a`, each read by `numberOf`. */
function ranges(numberOf: (text: string) => number | undefined, check: (range: Range) => string) {
  return z
    .array(z.union([z.string(), z.number()]).transform(String))
    .max(rangesMax)
    .transform((list, context) =>
      list.map((text) => {
        const wrong: Wrong = (message) => {
          context.addIssue({ code: 'custom', message: `"${text}" ${message}` })
        }
        return readRange(text, numberOf, check, wrong) ?? { begin: 0, end: -1 }
      }),
    )
}

function readRange(
  text: string,
  numberOf: (text: string) => number | undefined,
  check: (range: Range) => string,
  wrong: Wrong,
): Range | undefined {
  const parts = text.toLowerCase().split(':')
  const numbers = parts.map(numberOf)
  const [begin, end = begin] = numbers
  if (parts.length > 2 || begin === undefined || end === undefined || numbers.includes(undefined))
    return wrong('cannot be read; write one or first:last')
  const problem = check({ begin, end })
  return problem === '' ? { begin, end } : wrong(problem)
}

const integer = (text: string): number | undefined => (/^-?\d{1,4}$/.test(text) ? Number(text) : undefined)
const indexIn =
  (words: readonly string[], first: number) =>
  (text: string): number | undefined =>
    words.includes(text) ? words.indexOf(text) + first : undefined
const inOrder = ({ begin, end }: Range): string => (begin > end ? 'ends before it begins' : '')

function checkDays({ begin, end }: Range): string {
  if ([begin, end].some((day) => day === 0 || day < -31 || day > 31))
    return 'is no day of a month: 1 to 31 or -1 to -31'
  if (begin < 0 && end > 0) return 'begins at the end of a month and ends at its beginning'
  // The shortest month decides whether a range can hold in every one.
  const fromStart = (day: number): number => (day < 0 ? 28 + day : day)
  return fromStart(begin) > fromStart(end) ? 'ends before it begins in a month of 28 days' : ''
}

function checkMonths(range: Range): string {
  if ([range.begin, range.end].some((month) => month < 1 || month > 12))
    return 'is no month: 1 to 12 or january to december'
  return inOrder(range)
}

const minuteOfDay = z
  .string()
  .regex(/^(([01]\d|2[0-3]):[0-5]\d|24:00)$/, 'write a time as hh:mm, 00:00 to 24:00')
  .transform((text) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3)))
const timeRange = z
  .strictObject({ start_time: minuteOfDay, end_time: minuteOfDay })
  .refine(({ start_time, end_time }) => start_time < end_time, {
    message: 'start_time must be before end_time; a night is two ranges: to 24:00 and from 00:00',
  })
  .transform(({ start_time, end_time }): Range => ({ begin: start_time, end: end_time }))

const timeIntervalSchema = z
  .strictObject({
    times: z.array(timeRange).max(rangesMax).optional(),
    weekdays: ranges(indexIn(weekdays, 0), inOrder).optional(),
    days_of_month: ranges(integer, checkDays).optional(),
    months: ranges((text) => indexIn(months, 1)(text) ?? integer(text), checkMonths).optional(),
    years: ranges(integer, inOrder).optional(),
    location: z
      .string()
      .default('')
      .transform((text) =>
        text === '' ? 'UTC' : text === 'Local' ? Intl.DateTimeFormat().resolvedOptions().timeZone : text,
      )
      .refine(isZone, { message: 'is no time zone; write one of the IANA database, such as Asia/Shanghai' }),
  })
  .transform(({ days_of_month, ...rest }): TimeInterval => ({ ...rest, daysOfMonth: days_of_month }))

export const namedIntervalSchema = z
  .strictObject({
    name: z.string().min(1).max(200),
    time_intervals: z.array(timeIntervalSchema).max(rangesMax).default([]),
  })
  .transform(({ name, time_intervals }): NamedInterval => ({ name, intervals: time_intervals }))

function isZone(name: string): boolean {
  try {
    zoneFormat(name)
    return true
  } catch {
    return false
  }
}

interface LocalTime {
  year: number
  month: number
  day: number
  weekday: number
  minute: number
}

const formats = new Map<string, Intl.DateTimeFormat>()
function zoneFormat(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone)
  if (known) return known
  const made = new Intl.DateTimeFormat('en-GB', {
    ...{ timeZone, calendar: 'gregory', numberingSystem: 'latn', hourCycle: 'h23' },
    ...{ year: 'numeric', month: 'numeric', day: 'numeric', weekday: 'short', hour: 'numeric', minute: 'numeric' },
  })
  formats.set(timeZone, made)
  return made
}

function localTime(ms: number, timeZone: string): LocalTime {
  const part: Record<string, string> = {}
  for (const { type, value } of zoneFormat(timeZone).formatToParts(ms)) part[type] = value
  return {
    ...{ year: Number(part['year']), month: Number(part['month']), day: Number(part['day']) },
    weekday: weekdays.findIndex((word) => word.startsWith(part['weekday']!.toLowerCase())),
    minute: Number(part['hour']) * 60 + Number(part['minute']),
  }
}

export function containsTime(
  { times, weekdays: days, daysOfMonth, months: parts, years, location }: TimeInterval,
  ms: number,
): boolean {
  const at = localTime(ms, location)
  const holds = (list: readonly Range[] | undefined, test: (range: Range) => boolean): boolean =>
    list?.some(test) ?? true
  const within =
    (value: number) =>
    ({ begin, end }: Range): boolean =>
      value >= begin && value <= end
  return (
    holds(times, ({ begin, end }) => at.minute >= begin && at.minute < end) &&
    holds(daysOfMonth, (range) => isDay(range, at)) &&
    holds(parts, within(at.month)) &&
    holds(days, within(at.weekday)) &&
    holds(years, within(at.year))
  )
}

function isDay({ begin, end }: Range, { year, month, day }: LocalTime): boolean {
  const last = new Date(Date.UTC(year, month, 0)).getUTCDate()
  const fromStart = (wanted: number): number => (wanted < 0 ? last + wanted + 1 : wanted)
  // A range that begins after the end of this month has no day in it.
  if (fromStart(begin) > last) return false
  return day >= fromStart(begin) && day <= Math.min(fromStart(end), last)
}

export function isWithin({ intervals }: NamedInterval, ms: number): boolean {
  return intervals.some((interval) => containsTime(interval, ms))
}

const minuteMs = 60_000
const dayMinutes = 1440
const aheadMsMax = 8 * dayMinutes * minuteMs

/** @returns the beginning of the minute in which `isWithin` is first otherwise; undefined when not within eight days */
export function changesAt(interval: NamedInterval, ms: number): number | undefined {
  const now = isWithin(interval, ms)
  const thisMinute = Math.floor(ms / minuteMs) * minuteMs
  for (let at = thisMinute; at < thisMinute + aheadMsMax; ) {
    const next = at + minutesToBoundary(interval, at) * minuteMs
    // Where the clocks were changed between, the boundary is not where it was thought: look at every minute.
    const step = isEven(interval, at, next) ? next - at : minuteMs
    for (let minute = at + step; minute <= next; minute += step) if (isWithin(interval, minute) !== now) return minute
    at = next
  }
  return undefined
}

/** It can change only at the ends of its times, and at midnight. */
function minutesToBoundary({ intervals }: NamedInterval, ms: number): number {
  const waits = intervals.map(({ times = [], location }) => {
    const { minute } = localTime(ms, location)
    const later = times.flatMap(({ begin, end }) => [begin, end]).filter((boundary) => boundary > minute)
    return Math.min(...later, dayMinutes) - minute
  })
  return Math.min(...waits, dayMinutes)
}

function isEven({ intervals }: NamedInterval, fromMs: number, toMs: number): boolean {
  return intervals.every(({ location }) => {
    const [from, to] = [localTime(fromMs, location).minute, localTime(toMs, location).minute]
    return (from + (toMs - fromMs) / minuteMs) % dayMinutes === to
  })
}

/** In the words of the file, e.g. `09:00–17:30, monday:friday, Asia/Shanghai`. */
export function intervalText({
  times,
  weekdays: days,
  daysOfMonth,
  months: parts,
  years,
  location,
}: TimeInterval): string {
  const clock = (minute: number): string =>
    `${String(Math.floor(minute / 60)).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`
  const list = (of: readonly Range[] | undefined, word: (value: number) => string, between = ':'): string[] =>
    (of ?? []).map(({ begin, end }) => (begin === end ? word(begin) : `${word(begin)}${between}${word(end)}`))
  return [
    ...list(times, clock, '–'),
    ...list(days, (day) => weekdays[day]!),
    ...list(daysOfMonth, String),
    ...list(parts, (month) => months[month - 1]!),
    ...list(years, String),
    location,
  ].join(', ')
}
