// Periods by their names: 2026-10-05, 2026-W41, 2026-10, 2026-Q3, 2026, all; and which period a day falls into.
import { CodedError } from '#core/errors.ts'
import type { Period } from '../contract.ts'
import type { Zone } from './zone.ts'

export const periodUnits = ['day', 'month', 'quarter', 'year', 'all'] as const
export type PeriodUnit = (typeof periodUnits)[number]

const msPerDay = 86_400_000
/** The ends of time as dates can hold them. */
const beginning = -8.64e15
const end = 8.64e15

/** @throws CodedError `body.invalid` */
export function parsePeriod(label: string, zone: Zone): Period {
  if (label === 'all') return { label, fromMs: beginning, toMs: end }
  const week = firstDayOfWeek(label)
  if (week !== undefined)
    return { label, fromMs: zone.instantOf(week * msPerDay), toMs: zone.instantOf((week + 7) * msPerDay) }
  const match = /^(\d{4})(?:-(?:Q([1-4])|(\d\d)(?:-(\d\d))?))?$/.exec(label)
  if (!match || !isDate(Number(match[1]), Number(match[3] ?? 1), Number(match[4] ?? 1)))
    throw new CodedError('body.invalid', {
      cause: `"${label.slice(0, 20)}" is no period: 2026-10, 2026-W41, 2026-Q3, 2026`,
    })
  const [, year, quarter, month, day] = match
  const y = Number(year)
  const first = quarter ? (Number(quarter) - 1) * 3 : Number(month ?? 1) - 1
  const from = Date.UTC(y, first, Number(day ?? 1))
  const to = day ? from + msPerDay : Date.UTC(y, first + (quarter ? 3 : month ? 1 : 12), 1)
  return { label, fromMs: zone.instantOf(from), toMs: zone.instantOf(to) }
}

/** There is no month 13, and no 31 February. */
function isDate(year: number, month: number, day: number): boolean {
  const at = new Date(Date.UTC(year, month - 1, day))
  return at.getUTCFullYear() === year && at.getUTCMonth() === month - 1 && at.getUTCDate() === day
}

/** Every case asks, and days are few. */
const months = new Map<number, string>()
const monthsMax = 100_000

/** Name of the period of a local day. */
export function periodOfDay(day: number, unit: PeriodUnit): string {
  if (unit === 'all') return 'all'
  if (unit === 'month') {
    let month = months.get(day)
    if (month === undefined) {
      month = new Date(day * msPerDay).toISOString().slice(0, 7)
      if (months.size < monthsMax) months.set(day, month)
    }
    return month
  }
  const iso = new Date(day * msPerDay).toISOString()
  if (unit === 'day') return iso.slice(0, 10)
  if (unit === 'year') return iso.slice(0, 4)
  return `${iso.slice(0, 4)}-Q${Math.ceil(Number(iso.slice(5, 7)) / 3)}`
}

/**
 * The Monday of a week after ISO 8601: the first of a year is the one that 4 January lies in.
 * @returns days since 1970-01-01; undefined for what is no week
 */
export function firstDayOfWeek(label: string): number | undefined {
  const [, year, week] = /^(\d{4})-W(\d\d)$/.exec(label) ?? []
  if (year === undefined || week === undefined) return undefined
  const day = mondayOf(Date.UTC(Number(year), 0, 4) / msPerDay) + (Number(week) - 1) * 7
  // Week 53 of a year that has 52 is one of the next.
  return weekOfDay(day) === label ? day : undefined
}

/** `2026-W41`: a week belongs to the year of its Thursday. */
export function weekOfDay(day: number): string {
  const thursday = mondayOf(day) + 3
  const year = new Date(thursday * msPerDay).getUTCFullYear()
  const week = Math.floor((thursday - Date.UTC(year, 0, 1) / msPerDay) / 7) + 1
  return `${year}-W${String(week).padStart(2, '0')}`
}

/** 1970-01-01 was a Thursday. */
function mondayOf(day: number): number {
  return day - ((((day + 3) % 7) + 7) % 7)
}

/** Months that a month, quarter, year, week or day lies in. */
export function monthsOf(label: string): Set<string> {
  const monday = firstDayOfWeek(label)
  if (monday !== undefined) return new Set([periodOfDay(monday, 'month'), periodOfDay(monday + 6, 'month')])
  if (/^\d{4}-\d\d(-\d\d)?$/.test(label)) return new Set([label.slice(0, 7)])
  const [year, quarter] = label.split('-Q')
  const first = quarter ? Number(quarter) * 3 - 2 : 1
  return new Set(Array.from({ length: quarter ? 3 : 12 }, (_, i) => `${year}-${String(first + i).padStart(2, '0')}`))
}
