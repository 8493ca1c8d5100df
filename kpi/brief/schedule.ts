// When the brief of a period is due: on a working day after the period's end, so that a week that ends in a holiday is
// told of when people are back.
import type { Calendar } from '../time/calendar.ts'
import { parsePeriod, periodOfDay, weekOfDay } from '../time/period.ts'
import type { Zone } from '../time/zone.ts'
import type { BriefSeries } from './settings.ts'

export interface Due {
  period: string
  dueMs: number
}

const msPerDay = 86_400_000
const msPerMinute = 60_000
/** Ten years of weeks: who was away for longer is told of the last ones. */
const periodsMax = 520

type Rhythm = Pick<BriefSeries, 'every' | 'workingDay' | 'at'>

export function dueMsOf(period: string, { workingDay, at }: Rhythm, calendar: Calendar, zone: Zone): number {
  const last = zone.dayOf(parsePeriod(period, zone).toMs) - 1
  const [hours = 0, minutes = 0] = at.split(':').map(Number)
  return zone.instantOf(calendar.addWorkingDays(last, workingDay) * msPerDay + (hours * 60 + minutes) * msPerMinute)
}

/** Periods that became due after one time and up to another, the oldest first. */
export function duePeriods(rhythm: Rhythm, sinceMs: number, nowMs: number, calendar: Calendar, zone: Zone): Due[] {
  const found: Due[] = []
  for (let label = labelOf(rhythm, nowMs, zone); found.length < periodsMax; label = before(label, zone, rhythm)) {
    const dueMs = dueMsOf(label, rhythm, calendar, zone)
    if (dueMs <= sinceMs) break
    if (dueMs <= nowMs) found.push({ period: label, dueMs })
  }
  return found.reverse()
}

export function nextDue(rhythm: Rhythm, nowMs: number, calendar: Calendar, zone: Zone): Due {
  let period = labelOf(rhythm, nowMs, zone)
  // Days off may put off several weeks to the days after them.
  for (;;) {
    const earlier = before(period, zone, rhythm)
    if (dueMsOf(earlier, rhythm, calendar, zone) <= nowMs) break
    period = earlier
  }
  return { period, dueMs: dueMsOf(period, rhythm, calendar, zone) }
}

function labelOf({ every }: Rhythm, ms: number, zone: Zone): string {
  const day = zone.dayOf(ms)
  return every === 'week' ? weekOfDay(day) : periodOfDay(day, 'month')
}

function before(label: string, zone: Zone, rhythm: Rhythm): string {
  return labelOf(rhythm, parsePeriod(label, zone).fromMs - 1, zone)
}
