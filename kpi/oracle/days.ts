// Dates by asking the platform each time, and working days by looking at one day after another.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse } from 'yaml'

export interface Days {
  version: string
  working(date: string): boolean
  announced(date: string): boolean
}

export function readDays(directory: string, id: string, knownMs: number): Days {
  const all = readdirSync(directory)
    .filter((name) => name.endsWith('.yml'))
    .map((name) => parse(readFileSync(join(directory, name), 'utf8')))
    .filter((one) => one.id === id)
    .sort((a, b) => (a.known < b.known ? -1 : 1))
  const chosen = all.filter((one) => Date.parse(`${one.known}T00:00:00Z`) <= knownMs).at(-1) ?? all[0]
  const named = (list: Record<string, string[]>, date: string): boolean =>
    (list[date.slice(0, 4)] ?? []).includes(date.slice(5))
  return {
    version: `${chosen.id}-${chosen.version}`,
    working: (date) => {
      if (named(chosen.work, date)) return true
      const weekday = new Date(`${date}T12:00:00Z`).getUTCDay()
      return weekday !== 0 && weekday !== 6 && !named(chosen.off, date)
    },
    announced: (date) => date >= chosen.from && date < chosen.provisionalFrom,
  }
}

const formats = new Map<string, Intl.DateTimeFormat>()

/** `2011-05-31T23:59:59.000` on the clocks of a zone. */
export function localTime(ms: number, zone: string): string {
  let format = formats.get(zone)
  if (!format) {
    format = new Intl.DateTimeFormat('sv-SE', {
      ...({ timeZone: zone, hourCycle: 'h23' } as const),
      ...({ year: 'numeric', month: '2-digit', day: '2-digit' } as const),
      ...({ hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3 } as const),
    })
    formats.set(zone, format)
  }
  return format.format(ms).replace(' ', 'T').replace(',', '.')
}

export function localDate(ms: number, zone: string): string {
  return localTime(ms, zone).slice(0, 10)
}

/** The first instant at which the clocks of a zone show this; what they never show is reckoned from before they were put on. */
export function instant(local: string, zone: string): number {
  const asUtc = Date.parse(`${local}Z`)
  const offset = (at: number): number => Date.parse(`${localTime(at, zone)}Z`) - at
  const tries = [asUtc - offset(asUtc - 86_400_000), asUtc - offset(asUtc + 86_400_000)].sort((a, b) => a - b)
  return tries.find((at) => at + offset(at) === asUtc) ?? asUtc - offset(asUtc - 86_400_000)
}

export function nextDate(date: string, count = 1): string {
  return new Date(Date.parse(`${date}T12:00:00Z`) + count * 86_400_000).toISOString().slice(0, 10)
}

/** Working days after the first date, up to and including the last. */
export function workingDays(from: string, to: string, days: Days): number {
  let count = 0
  for (let date = nextDate(from); date <= to; date = nextDate(date)) if (days.working(date)) count++
  return count
}

export function calendarDays(from: string, to: string): number {
  return Math.round((Date.parse(`${to}T12:00:00Z`) - Date.parse(`${from}T12:00:00Z`)) / 86_400_000)
}
