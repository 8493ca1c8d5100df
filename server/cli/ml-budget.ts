// The budget of false alarms kept as the product keeps it, whatever the score is: the threshold comes from what was scored
// before, all entities together, so that two methods can be compared at the same budget.
import { DayScores } from '#security/behaviour/day-scores.ts'

/** Of 1,000 entity-hours so many may be told: the product's one is too coarse for a test of some hundred of them. */
export const budgetPer1000 = 10

/** @param period the number of a row's period: its threshold is that of all periods before */
export function toldWithin<T>(rows: readonly T[], period: (row: T) => number, scoreOf: (row: T) => number): Set<T> {
  const scores = new DayScores()
  const told = new Set<T>()
  const sorted = [...rows].sort((a, b) => period(a) - period(b))
  for (let from = 0, to = 0; from < sorted.length; from = to) {
    const threshold = scores.threshold(budgetPer1000 / 1000, 1)
    while (to < sorted.length && period(sorted[to]!) === period(sorted[from]!)) to++
    for (const row of sorted.slice(from, to)) if (scoreOf(row) >= threshold) told.add(row)
    for (const row of sorted.slice(from, to)) scores.add(scoreOf(row))
  }
  return told
}
