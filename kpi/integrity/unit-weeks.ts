// What of a unit's closings with a deadline was in time, week by week, and by kind of item and way.
import type { Counted } from './change-point.ts'
import type { Part } from './mix-shift.ts'
import type { UnitRows } from './unit-rows.ts'

export interface UnitWeeks {
  /** From the first week with a closing to the last. */
  weeks: Counted[]
  /** Weeks since the Monday before 1970-01-01. */
  weeksFrom: number
  /** By kind of item and way: the last thirteen weeks and the thirteen before. */
  quarters: Part[]
}

const quarterWeeks = 13

/** @param strata of each row */
export function weeksOf({ length, closedDay, closedMs, dueMs }: UnitRows, strata: readonly string[]): UnitWeeks {
  const weeks = new Map<number, Counted>()
  const byStratum = new Map<string, Map<number, Counted>>()
  for (let i = 0; i < length; i++) {
    if (!Number.isFinite(closedDay[i]!) || !Number.isFinite(dueMs[i]!)) continue
    const week = Math.floor((closedDay[i]! + 3) / 7)
    const isInTime = closedMs[i]! <= dueMs[i]!
    countIn(weeks, week, isInTime)
    const own = byStratum.get(strata[i]!) ?? new Map<number, Counted>()
    byStratum.set(strata[i]!, own)
    countIn(own, week, isInTime)
  }
  const order = [...weeks.keys()].sort((a, b) => a - b)
  const [first = 0, last = -1] = [order[0], order.at(-1)]
  return {
    weeksFrom: first,
    weeks: Array.from({ length: last - first + 1 }, (_, at) => weeks.get(first + at) ?? { hits: 0, trials: 0 }),
    quarters: [...byStratum].map(([name, own]) => ({
      name,
      before: sumOf(own, last - 2 * quarterWeeks, last - quarterWeeks),
      after: sumOf(own, last - quarterWeeks, last),
    })),
  }
}

function countIn(weeks: Map<number, Counted>, week: number, isHit: boolean): void {
  const one = weeks.get(week) ?? { hits: 0, trials: 0 }
  weeks.set(week, one)
  one.trials++
  if (isHit) one.hits++
}

/** @param after the week before the first */
function sumOf(weeks: ReadonlyMap<number, Counted>, after: number, to: number): Counted {
  const sum = { hits: 0, trials: 0 }
  for (let week = after + 1; week <= to; week++) {
    sum.hits += weeks.get(week)?.hits ?? 0
    sum.trials += weeks.get(week)?.trials ?? 0
  }
  return sum
}
