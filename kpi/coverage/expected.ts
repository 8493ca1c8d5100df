// What a unit should have sent in a month. Three sources, the strongest first: what it declared itself, what the catalogue
// says its items amount to, and what it used to send. Where none speaks, nothing is expected, which is not zero.
import type { Calendar } from '../time/calendar.ts'
import type { Cohort, UnitTally } from './tally.ts'

export const bases = ['declared', 'catalogue', 'history'] as const
export type Basis = (typeof bases)[number]

export interface Expectation {
  basis: Basis
  count: number
}

export interface ExpectationInput {
  declared: number | undefined
  /** Cases a month after the catalogue; undefined where it says nothing. */
  monthly: number | undefined
  /** The share of the month's working days that has passed: 1 for a month that is over. */
  passed: number
}

const monthsLooked = 6
const monthsNeeded = 3

/** Every source that speaks, strongest first. */
export function expectations(
  unit: UnitTally | undefined,
  cohort: Cohort,
  month: string,
  input: ExpectationInput,
): Expectation[] {
  const { declared, monthly, passed } = input
  const found: Expectation[] = []
  // A department that declares knows its own month: the share that has passed is in its number.
  if (declared !== undefined) found.push({ basis: 'declared', count: declared })
  if (monthly !== undefined) found.push({ basis: 'catalogue', count: Math.round(monthly * passed) })
  const usual = unit && usualCount(unit[cohort], month)
  if (usual !== undefined) found.push({ basis: 'history', count: Math.round(usual * passed) })
  return found
}

/**
 * The median of the last six months before this one. A month in which nothing came counts as nothing, from the first
 * month on in which something came: a unit that fell silent is not forgiven by its own silence at once.
 */
export function usualCount(counts: ReadonlyMap<string, number>, month: string): number | undefined {
  const first = [...counts.keys()].sort()[0]
  if (first === undefined) return undefined
  const before: number[] = []
  for (let at = previous(month); at >= first && before.length < monthsLooked; at = previous(at))
    before.push(counts.get(at) ?? 0)
  if (before.filter((count) => count > 0).length < monthsNeeded) return undefined
  before.sort((a, b) => a - b)
  const middle = before.length >> 1
  return before.length % 2 === 1 ? before[middle]! : (before[middle - 1]! + before[middle]!) / 2
}

function previous(month: string): string {
  const [year, number] = month.split('-').map(Number) as [number, number]
  return number === 1 ? `${year - 1}-12` : `${year}-${String(number - 1).padStart(2, '0')}`
}

/** Months of a label: one, a quarter's three, a year's twelve. */
export function monthsOf(label: string): string[] {
  if (/^\d{4}-\d\d$/.test(label)) return [label]
  const match = /^(\d{4})(?:-Q([1-4]))?$/.exec(label)
  if (!match) return []
  const first = match[2] ? Number(match[2]) * 3 - 2 : 1
  return Array.from({ length: match[2] ? 3 : 12 }, (_, i) => `${match[1]}-${String(first + i).padStart(2, '0')}`)
}

/** Of the month's working days, those that are over by a day; 0 for a month to come. */
export function passedShare(calendar: Calendar, month: string, today: number): number {
  const [year, number] = month.split('-').map(Number) as [number, number]
  const first = Date.UTC(year, number - 1, 1) / 86_400_000
  const last = Date.UTC(year, number, 1) / 86_400_000 - 1
  if (today > last) return 1
  if (today < first) return 0
  const all = calendar.workingDaysBetween(first - 1, last)
  return all === 0 ? 1 : calendar.workingDaysBetween(first - 1, today - 1) / all
}
