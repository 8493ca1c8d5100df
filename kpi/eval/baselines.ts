// What is usually done instead: the law of first digits, and distances from the mean of all units.

import type { ObservedCase } from '../integrity/observed-case.ts'
import { isOnline } from '../integrity/observed-case.ts'
import { chiSquareTail } from '../integrity/statistics.ts'

const msPerMinute = 60_000

/** How far the first digits of a unit's durations and of its counts per day and item are from Benford's: smallest p. */
export function benfordScore(cases: readonly ObservedCase[]): number {
  const counts = new Map<string, number>()
  const durations: number[] = []
  for (const { record } of cases) {
    const { openedMs, closedMs, item } = record
    if (record.withdrawnRecord || openedMs === null || closedMs === null) continue
    durations.push(Math.floor((closedMs - openedMs) / msPerMinute))
    const key = `${item} ${new Date(openedMs).toISOString().slice(0, 7)}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return -Math.log(Math.min(firstDigitTail(durations), firstDigitTail([...counts.values()])) + 1e-300)
}

function firstDigitTail(values: readonly number[]): number {
  const seen = new Array<number>(10).fill(0)
  let count = 0
  for (const value of values) {
    if (value < 1) continue
    seen[Number(String(value)[0])]!++
    count++
  }
  if (count < 100) return 1
  let statistic = 0
  for (let digit = 1; digit <= 9; digit++) {
    const expected = count * Math.log10(1 + 1 / digit)
    statistic += (seen[digit]! - expected) ** 2 / expected
  }
  return chiSquareTail(statistic, 8)
}

/** What a unit publishes: its cases, and the four figures that are usually watched. */
export function publishedFigures(cases: readonly ObservedCase[]): number[] {
  let [count, late, online, took, closed, grades, rated] = [0, 0, 0, 0, 0, 0, 0]
  for (const { record } of cases) {
    if (record.withdrawnRecord) continue
    count++
    if (isOnline(record.channel)) online++
    for (const { grade } of record.ratings) {
      grades += grade
      rated++
    }
    if (record.closedMs === null || record.openedMs === null) continue
    closed++
    took += Math.log(Math.max(60_000, record.closedMs - record.openedMs))
    if (record.dueMs !== null && record.closedMs > record.dueMs) late++
  }
  return [Math.log(count + 1), late / (closed || 1), online / (count || 1), took / (closed || 1), grades / (rated || 1)]
}

/** Of each unit the largest distance of one of its figures from the mean of all, in standard deviations. */
export function zScores(figures: readonly (readonly number[])[]): number[] {
  const scores = figures.map(() => 0)
  const width = figures[0]?.length ?? 0
  for (let i = 0; i < width; i++) {
    const values = figures.map((row) => row[i]!)
    const mean = values.reduce((sum, one) => sum + one, 0) / values.length
    const deviation = Math.sqrt(values.reduce((sum, one) => sum + (one - mean) ** 2, 0) / values.length) || 1
    values.forEach((value, at) => {
      scores[at] = Math.max(scores[at]!, Math.abs(value - mean) / deviation)
    })
  }
  return scores
}
