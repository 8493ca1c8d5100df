// Deltas become running totals, which is what Prometheus's functions expect. The table is bounded; a series that was not
// seen for an hour begins again at 0, as after a restart of its process.
import type { Labels } from '#core/sample.ts'

const forgetMs = 3_600_000

export interface Accumulator<T> {
  /** For one request: what it adds can be taken back when the request was not kept, since it comes again then. */
  begin(): Additions<T>
}

export interface Additions<T> {
  /** The new total; undefined when there is no room for another series, or the two cannot be added. */
  add(labels: Labels, value: T, timestampMs: number): T | undefined
  undo(): void
}

export function createAccumulator<T>(
  seriesMax: number,
  plus: (total: T | undefined, value: T) => T | undefined,
): Accumulator<T> {
  const totals = new Map<string, { total: T; seenMs: number }>()
  const forget = (nowMs: number): void => {
    for (const [key, { seenMs }] of totals) {
      if (nowMs - seenMs < forgetMs) return
      totals.delete(key)
    }
  }
  const begin = (): Additions<T> => {
    const changes: { key: string; before: { total: T; seenMs: number } | undefined; after: object }[] = []
    return {
      add: (labels, value, timestampMs) => {
        const key = JSON.stringify(Object.entries(labels).sort())
        const before = totals.get(key)
        if (!before && totals.size >= seriesMax) {
          forget(timestampMs)
          if (totals.size >= seriesMax) return undefined
        }
        const total = plus(before?.total, value)
        if (total === undefined) return undefined
        const after = { total, seenMs: timestampMs }
        // Deleted and set again: the map stays in the order of last use.
        totals.delete(key)
        totals.set(key, after)
        changes.push({ key, before, after })
        return total
      },
      undo: () => {
        for (const { key, before, after } of changes.reverse()) {
          // Another request went on from it: that total was told already.
          if (totals.get(key) !== after) continue
          if (before) totals.set(key, before)
          else totals.delete(key)
        }
      },
    }
  }
  return { begin }
}
