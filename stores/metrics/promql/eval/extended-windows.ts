// `anchored` and `smoothed`: rate, increase and delta between exact borders, without extrapolation.
// Prometheus: promql/functions.go, `extendedRate`.
import type { FloatHistogram } from '#core/histogram.ts'
import { combine, scale, withHint } from '../histogram/arithmetic.ts'
import { detectReset } from '../histogram/detect-reset.ts'
import type { Points } from './points.ts'

export const anchoredFunctions = ['changes', 'delta', 'increase', 'rate', 'resets']
export const smoothedFunctions = ['delta', 'increase', 'rate']

export interface ExtendedRange {
  startMs: number
  endMs: number
  /** Samples may be this far outside the range. */
  lookbackMs: number
  smoothed: boolean
}

/** The samples in sight and the two values at the borders; undefined when nothing is in the range. */
function borders(times: Float64Array, range: ExtendedRange): { first: number; last: number } | undefined {
  const fromMs = range.startMs - range.lookbackMs
  const toMs = range.smoothed ? range.endMs + range.lookbackMs : range.endMs
  const seen = after(times, fromMs)
  const seenEnd = after(times, toMs)
  if (seenEnd <= seen) return undefined
  const first = Math.max(seen, after(times, range.startMs) - 1)
  let last = seenEnd - 1
  if (range.smoothed) last = Math.min(last, Math.max(seen, after(times, range.endMs - 1e-6)))
  if (times[last]! <= range.startMs || times[first]! > range.endMs) return undefined
  return { first, last }
}

/** How many times are at or before `ms`. */
export function after(times: Float64Array, ms: number): number {
  let low = 0
  let high = times.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (times[middle]! <= ms) low = middle + 1
    else high = middle
  }
  return low
}

export function extendedFloats(name: string, { times, values }: Points, range: ExtendedRange): number | undefined {
  const found = borders(times, range)
  if (!found) return undefined
  let { first, last } = found
  const isCounter = name === 'rate' || name === 'increase'
  const between = (i: number, ms: number): number => {
    let from = values[i]!
    if (isCounter && values[i + 1]! < from) from = 0
    return from + ((values[i + 1]! - from) * (ms - times[i]!)) / (times[i + 1]! - times[i]!)
  }
  const left = range.smoothed && times[first]! < range.startMs ? between(first, range.startMs) : values[first]!
  const right =
    range.smoothed && last > 0 && times[last]! > range.endMs ? between(last - 1, range.endMs) : values[last]!
  // The samples at or beyond the borders are replaced by the two border values.
  if (times[first]! <= range.startMs) first++
  if (times[last]! >= range.endMs) last--
  const inside = [left, ...values.subarray(first, last + 1), right]
  if (name === 'changes') return inside.filter((value, i) => i > 0 && differs(value, inside[i - 1]!)).length
  if (name === 'resets') return inside.filter((value, i) => i > 0 && value < inside[i - 1]!).length
  let result = right - left
  if (isCounter) for (let i = 1; i < inside.length; i++) if (inside[i]! < inside[i - 1]!) result += inside[i - 1]!
  return name === 'rate' ? result / ((range.endMs - range.startMs) / 1000) : result
}

const differs = (a: number, b: number): boolean => a !== b && !(Number.isNaN(a) && Number.isNaN(b))

export function extendedHistograms(name: string, points: Points, range: ExtendedRange): FloatHistogram | undefined {
  const { histogramTimes: times, histograms } = points
  const found = borders(times, range)
  if (!found) return undefined
  let { first, last } = found
  const isCounter = name !== 'delta'
  const between = (i: number, ms: number): FloatHistogram => {
    const [before, next] = [histograms[i]!, histograms[i + 1]!]
    const share = (ms - times[i]!) / (times[i + 1]! - times[i]!)
    if (isCounter && detectReset(next, before)) return scale(next, share)
    return combine(scale(combine(next, before, -1).histogram, share), before, 1).histogram
  }
  const left = range.smoothed && times[first]! < range.startMs ? between(first, range.startMs) : histograms[first]!
  const right =
    range.smoothed && last > 0 && times[last]! > range.endMs ? between(last - 1, range.endMs) : histograms[last]!
  if (times[first]! <= range.startMs) first++
  if (times[last]! >= range.endMs) last--
  const inside = [left, ...histograms.slice(first, last + 1), right]
  let result = combine(right, left, -1).histogram
  if (isCounter)
    for (let i = 1; i < inside.length; i++)
      if (inside[i] !== inside[i - 1] && detectReset(inside[i]!, inside[i - 1]!))
        result = combine(result, inside[i - 1]!, 1).histogram
  result = withHint(result, 'gauge')
  return name === 'rate' ? scale(result, 1000 / (range.endMs - range.startMs)) : result
}

/** An instant selector with `smoothed`: between the samples around a time, or the last one before it. */
export function smoothedAt({ times, values }: Points, ms: number, lookbackMs: number): number | undefined {
  const next = after(times, ms)
  const before = next - 1
  if (before < 0 || times[before]! <= ms - lookbackMs) return undefined
  if (times[before] === ms || next >= times.length || times[next]! > ms + lookbackMs) return values[before]!
  return values[before]! + ((values[next]! - values[before]!) * (ms - times[before]!)) / (times[next]! - times[before]!)
}
