// Deadlines in working days after the statutory calendar: the day on which the clock starts does not count.
import type { Calendar } from '../time/calendar.ts'

const chinaMs = 8 * 3_600_000
const msPerDay = 86_400_000

export interface Deadline {
  day: number
  /** The last instant of that day in China. */
  atMs: number
  calendarVersion: string
}

export const today = (nowMs: number): number => Math.floor((nowMs + chinaMs) / msPerDay)

export function deadlineIn(calendar: Calendar, nowMs: number, workingDays: number): Deadline {
  const day = calendar.addWorkingDays(today(nowMs), workingDays)
  return { day, atMs: (day + 1) * msPerDay - chinaMs - 1, calendarVersion: calendar.version }
}

/** Working days by which it is over; 0 while it is in time. */
export function overrunDays(calendar: Calendar, deadlineDay: number, atMs: number): number {
  return calendar.workingDaysBetween(deadlineDay, today(atMs))
}
