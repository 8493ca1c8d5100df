// The samples of one series as range functions want them: without stale markers, floats and histograms apart.
import type { FloatHistogram } from '#core/histogram.ts'
import { isStaleNaN, type Labels, type SeriesData } from '#core/sample.ts'

export interface Points {
  labels: Labels
  dropName: boolean
  times: Float64Array
  values: Float64Array
  /** Since when each of them counts, where that is known; 0: it is not. */
  starts?: Float64Array | undefined
  /** The same of the histograms. */
  histogramStarts?: Float64Array | undefined
  /** Empty for a series of floats. */
  histogramTimes: Float64Array
  histograms: FloatHistogram[]
}

const none = new Float64Array(0)

export function pointsOf(series: SeriesData): Points {
  const { labels, timestampsMs, values, startsMs: starts, histograms } = series
  if (!histograms) {
    let stale = 0
    for (let i = 0; i < values.length; i++) if (Number.isNaN(values[i]) && isStaleNaN(values[i]!)) stale++
    if (stale === 0)
      return { labels, dropName: false, times: timestampsMs, values, starts, histogramTimes: none, histograms: [] }
  }
  const times: number[] = []
  const kept: number[] = []
  const keptStarts: number[] = []
  const histogramTimes: number[] = []
  const keptHistograms: FloatHistogram[] = []
  const histogramStarts: number[] = []
  for (let i = 0; i < values.length; i++) {
    const one = histograms?.[i]
    if (one) {
      if (isStaleNaN(one.sum)) continue
      histogramTimes.push(timestampsMs[i]!)
      keptHistograms.push(one)
      if (starts) histogramStarts.push(starts[i]!)
    } else if (!isStaleNaN(values[i]!)) {
      times.push(timestampsMs[i]!)
      kept.push(values[i]!)
      if (starts) keptStarts.push(starts[i]!)
    }
  }
  return {
    labels,
    dropName: false,
    times: Float64Array.from(times),
    values: Float64Array.from(kept),
    starts: starts && Float64Array.from(keptStarts),
    histogramStarts: starts && Float64Array.from(histogramStarts),
    histogramTimes: Float64Array.from(histogramTimes),
    histograms: keptHistograms,
  }
}
