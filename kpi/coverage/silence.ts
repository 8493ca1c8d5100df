// A unit whose feed stops is noticed by its own habit: how many working days it usually lets pass between deliveries.
import type { Calendar } from '../time/calendar.ts'
import type { UnitTally } from './tally.ts'

export interface Silence {
  /** Working days since something arrived, today not counted. */
  quietDays: number
  /** What is usual: 95 of 100 gaps are no longer. */
  usualDays: number
  silent: boolean
}

const gapsNeeded = 5
const gapsLooked = 60
const quietDaysMin = 2

/** Undefined for a unit that never showed a habit. */
export function silenceOf({ arrivalDays }: UnitTally, calendar: Calendar, today: number): Silence | undefined {
  const days = arrivalDays.slice(-gapsLooked - 1)
  const gaps = days
    .slice(1)
    .map((day, i) => Math.max(1, calendar.workingDaysBetween(days[i]!, day)))
    .sort((a, b) => a - b)
  if (gaps.length < gapsNeeded) return undefined
  const usualDays = gaps[Math.ceil(gaps.length * 0.95) - 1]!
  const quietDays = Math.max(0, calendar.workingDaysBetween(days.at(-1)!, today - 1))
  return { quietDays, usualDays, silent: quietDays > Math.max(quietDaysMin, 2 * usualDays) }
}
