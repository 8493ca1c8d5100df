// Deltas become running totals, which is what Prometheus's functions expect. The table is bounded; a series that was not
// seen for an hour begins again at 0, as after a restart of its process.
import type { Labels } from '#core/sample.ts'

const forgetMs = 3_600_000

export interface Accumulator {
  /** The new total; undefined when there is no room for another series. */
  add(labels: Labels, value: number, timestampMs: number): number | undefined
}

export function createAccumulator(seriesMax: number): Accumulator {
  const totals = new Map<string, { total: number; seenMs: number }>()
  const forget = (nowMs: number): void => {
    for (const [key, { seenMs }] of totals) {
      if (nowMs - seenMs < forgetMs) return
      totals.delete(key)
    }
  }
  return {
    add: (labels, value, timestampMs) => {
      const key = JSON.stringify(Object.entries(labels).sort())
      const before = totals.get(key)
      if (!before && totals.size >= seriesMax) {
        forget(timestampMs)
        if (totals.size >= seriesMax) return undefined
      }
      const total = (before?.total ?? 0) + value
      // Deleted and set again: the map stays in the order of last use.
      totals.delete(key)
      totals.set(key, { total, seenMs: timestampMs })
      return total
    },
  }
}
