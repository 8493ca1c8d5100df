// Samples of one series into windows.
import type { FloatHistogram } from '#core/histogram.ts'
import { isStaleNaN } from '#core/sample.ts'
import { type RollupColumn, rollupFlags, type TimedHistogram } from '../../store.ts'

/** In the order of their numbers in a file, from 1. */
export const rollupColumns: readonly RollupColumn[] = [
  ...(['min', 'max', 'sum', 'count', 'first', 'last'] as const),
  ...(['firstMs', 'lastMs', 'resets', 'flags'] as const),
]

export interface Windows {
  endMs: Float64Array
  columns: Record<RollupColumn, Float64Array>
  /** The last of each window that has one. */
  histograms: TimedHistogram[]
}

interface SeriesSamples {
  timestampsMs: Float64Array
  values: Float64Array
  histograms?: (FloatHistogram | undefined)[]
}

/** Windows (end − resolution, end], ends being multiples of the resolution; those without a sample are left out. */
export function toWindows(samples: SeriesSamples, resolutionMs: number): Windows {
  const { timestampsMs, values, histograms } = samples
  const { length } = timestampsMs
  const spanMs = length === 0 ? 0 : timestampsMs[length - 1]! - timestampsMs[0]!
  const rows = Math.min(length, Math.floor(spanMs / resolutionMs) + 2)
  const endMs = new Float64Array(rows)
  const columns = Object.fromEntries(rollupColumns.map((name) => [name, new Float64Array(rows)])) as Windows['columns']
  const { min, max, sum, count, first, last, firstMs, lastMs, resets, flags } = columns
  const lastHistograms: TimedHistogram[] = []
  let histogramRow = -1
  let row = -1
  let lost = 0
  const close = (): void => {
    if (row >= 0 && sum[row]! - sum[row]! === 0) sum[row]! += lost
    lost = 0
  }
  for (let i = 0; i < length; i++) {
    const time = timestampsMs[i]!
    const value = values[i]!
    const histogram = histograms?.[i]
    if (isStaleNaN(histogram ? histogram.sum : value)) continue
    const end = Math.ceil(time / resolutionMs) * resolutionMs
    if (row < 0 || endMs[row] !== end) {
      close()
      row++
      endMs[row] = end
      flags[row] = rollupFlags.whole
      first[row] = Number.NaN
    }
    if (histogram) {
      flags[row]! |= rollupFlags.histograms
      if (histogramRow === row) lastHistograms.pop()
      histogramRow = row
      // What was known of the sample before says nothing of the window before.
      const counterResetHint = histogram.counterResetHint === 'gauge' ? 'gauge' : 'unknown'
      lastHistograms.push({ timestampMs: time, histogram: { ...histogram, counterResetHint } })
      continue
    }
    if (count[row]!++ === 0) {
      min[row] = value
      max[row] = value
      first[row] = value
      firstMs[row] = time
    } else {
      if (value < min[row]! || Number.isNaN(min[row])) min[row] = value
      if (value > max[row]! || Number.isNaN(max[row])) max[row] = value
      if (value < last[row]!) {
        resets[row]! += last[row]!
        flags[row]! |= rollupFlags.falls
      }
    }
    if (!Number.isSafeInteger(value)) flags[row]! &= ~rollupFlags.whole
    const next = sum[row]! + value
    if (next - next !== 0) lost = 0
    else lost += Math.abs(sum[row]!) >= Math.abs(value) ? sum[row]! - next + value : value - next + sum[row]!
    sum[row] = next
    last[row] = value
    lastMs[row] = time
  }
  close()
  const kept = row + 1
  for (const name of rollupColumns) columns[name] = columns[name].subarray(0, kept)
  return { endMs: endMs.subarray(0, kept), columns, histograms: lastHistograms }
}
