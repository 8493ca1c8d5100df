// What a correlation counts within its window, kept up to date as items come and go.
import type { CorrelationType } from '../1-parse/ast.ts'

export interface WindowItem {
  atMs: number
  /** Which of the correlated rules matched. */
  rule: number
  /** Of the field that is counted, summed or averaged. */
  value: string
}

export interface Aggregate {
  add(item: WindowItem): void
  remove(item: WindowItem): void
  /** NaN when there is nothing to speak of. */
  result(): number
}

export function aggregateOf(type: CorrelationType, percentile: number): Aggregate {
  switch (type) {
    case 'event_count':
      return countEvents()
    case 'value_count':
      return countDistinct(({ value }) => value)
    case 'temporal':
    case 'temporal_ordered':
      return countDistinct(({ rule }) => rule)
    case 'value_sum':
      return total((sum) => sum)
    case 'value_avg':
      return total((sum, count) => sum / count)
    case 'value_median':
      return percentileOf(50)
    case 'value_percentile':
      return percentileOf(percentile)
  }
}

function countEvents(): Aggregate {
  let count = 0
  return {
    add: () => {
      count++
    },
    remove: () => {
      count--
    },
    result: () => count,
  }
}

function countDistinct<K>(keyOf: (item: WindowItem) => K): Aggregate {
  const counts = new Map<K, number>()
  return {
    add: (item) => {
      const key = keyOf(item)
      counts.set(key, (counts.get(key) ?? 0) + 1)
    },
    remove: (item) => {
      const key = keyOf(item)
      const left = (counts.get(key) ?? 0) - 1
      if (left > 0) counts.set(key, left)
      else counts.delete(key)
    },
    result: () => counts.size,
  }
}

/** Sums in whole numbers stay exact; others are summed anew when they have drifted for long. */
function total(result: (sum: number, count: number) => number): Aggregate {
  let sum = 0
  let count = 0
  return {
    add: ({ value }) => {
      const number = Number(value)
      if (Number.isNaN(number)) return
      sum += number
      count++
    },
    remove: ({ value }) => {
      const number = Number(value)
      if (Number.isNaN(number)) return
      sum -= number
      if (--count === 0) sum = 0
    },
    result: () => (count === 0 ? Number.NaN : result(sum, count)),
  }
}

/** Nearest rank: the smallest value with at least so many percent at or below it. */
function percentileOf(percent: number): Aggregate {
  const sorted: number[] = []
  const placeOf = (number: number): number => {
    let low = 0
    let high = sorted.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (sorted[middle]! < number) low = middle + 1
      else high = middle
    }
    return low
  }
  return {
    add: ({ value }) => {
      const number = Number(value)
      if (!Number.isNaN(number)) sorted.splice(placeOf(number), 0, number)
    },
    remove: ({ value }) => {
      const number = Number(value)
      if (!Number.isNaN(number)) sorted.splice(placeOf(number), 1)
    },
    result: () =>
      sorted.length === 0
        ? Number.NaN
        : sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1))]!,
  }
}
