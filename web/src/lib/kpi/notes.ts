// Notes and days off beside figures: asked for over a span of months, and placed on an axis whose unit is a month.
import { get } from '../api.ts'
import type { KpiNotes } from '../types.ts'

export interface NotedPlace {
  kpi: string
  region?: string | undefined
  department?: string | undefined
}

export const noNotes: KpiNotes = { notes: [], calendar: { version: '', off: [], work: [] } }

/** @param from first month, as `2026-10`; `to`: last one, included */
export function loadNotes(place: NotedPlace, from: string, to: string): Promise<KpiNotes> {
  return get<KpiNotes>('/api/kpi/annotations', { ...place, from: `${from}-01`, to: lastDay(to) })
}

export function lastDay(month: string): string {
  return new Date(Date.UTC(Number(month.slice(0, 4)), Number(month.slice(5, 7)), 0)).toISOString().slice(0, 10)
}

/** First and last month of a period as it is named; undefined for a state, which has none. */
export function monthsOfPeriod(label: string): [string, string] | undefined {
  const [year = '', part] = label.split('-')
  if (!/^\d{4}$/.test(year)) return undefined
  if (part === undefined) return [`${year}-01`, `${year}-12`]
  if (!part.startsWith('Q')) return [label, label]
  const last = Number(part[1]) * 3
  const two = (month: number): string => `${year}-${String(month).padStart(2, '0')}`
  return [two(last - 2), two(last)]
}

/** Months since year 0, with the part of the month that has gone by: 2026-01-01 begins where its point is less a half. */
export function placeOf(day: string, isEnd = false): number {
  const [year, month, date] = day.split('-').map(Number) as [number, number, number]
  const length = new Date(Date.UTC(year, month, 0)).getUTCDate()
  return year * 12 + month + (date - (isEnd ? 0 : 1)) / length - 0.5
}

/** What is drawn behind a line of months: spans of days off, and of notes about all of what is shown. */
export function bandsOf({ notes, calendar }: KpiNotes): { from: number; to: number; kind: string; text: string }[] {
  const band = (from: string, to: string, kind: string, text: string) => ({
    ...{ from: placeOf(from), to: placeOf(to, true), kind, text: `${from}${from === to ? '' : ` – ${to}`} ${text}` },
  })
  return [
    ...calendar.off.map(({ from, to }) => band(from, to, 'off', '')),
    ...notes.filter(({ covers }) => covers === 'whole').map(({ from, to, kind, text }) => band(from, to, kind, text)),
  ]
}
