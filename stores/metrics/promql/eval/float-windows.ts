// Functions over a window of floats, by indexes into a series' arrays: nothing is copied while the window slides.
import { kahanSum, mean, quantile, regression, variance } from './math.ts'

export interface Window {
  times: Float64Array
  values: Float64Array
  /** Samples `from` to `to` (exclusive) are in the window; at least one. */
  from: number
  to: number
  /** Borders of the range, and the time of the evaluation. */
  startMs: number
  endMs: number
  atMs: number
  /** Sum of the values before each counter reset, up to each sample: set for rate and increase. */
  resets: Float64Array | undefined
  /** Since when each sample counts, where it says so; 0: it does not. */
  starts: Float64Array | undefined
  param: number
  param2: number
}

/** undefined: no result. */
export type FloatWindowFunction = (window: Window) => number | undefined

export const floatWindowFunctions: Record<string, FloatWindowFunction> = {
  rate: (w) => extrapolated(w, true, true),
  increase: (w) => extrapolated(w, true, false),
  delta: (w) => extrapolated(w, false, false),
  irate: (w) => lastTwo(w, true),
  idelta: (w) => lastTwo(w, false),
  sum_over_time: ({ values, from, to }) => kahanSum(values, from, to),
  avg_over_time: ({ values, from, to }) => mean(values, from, to),
  count_over_time: ({ from, to }) => to - from,
  min_over_time: ({ values, from, to }) => {
    let best = values[from]!
    for (let i = from + 1; i < to; i++) if (values[i]! < best || Number.isNaN(best)) best = values[i]!
    return best
  },
  max_over_time: ({ values, from, to }) => {
    let best = values[from]!
    for (let i = from + 1; i < to; i++) if (values[i]! > best || Number.isNaN(best)) best = values[i]!
    return best
  },
  first_over_time: ({ values, from }) => values[from]!,
  last_over_time: ({ values, to }) => values[to - 1]!,
  present_over_time: () => 1,
  absent_over_time: () => 1,
  stddev_over_time: ({ values, from, to }) => Math.sqrt(variance(values, from, to)),
  stdvar_over_time: ({ values, from, to }) => variance(values, from, to),
  quantile_over_time: ({ values, from, to, param }) => quantile(param, values.slice(from, to)),
  mad_over_time: ({ values, from, to }) => {
    const median = quantile(0.5, values.slice(from, to))
    for (let i = from; i < to; i++) if (Number.isNaN(values[i])) return Number.NaN
    return quantile(
      0.5,
      values.slice(from, to).map((value) => Math.abs(value - median)),
    )
  },
  ts_of_first_over_time: ({ times, from }) => times[from]! / 1000,
  ts_of_last_over_time: ({ times, to }) => times[to - 1]! / 1000,
  ts_of_max_over_time: (w) => w.times[extreme(w, (a, b) => a >= b)]! / 1000,
  ts_of_min_over_time: (w) => w.times[extreme(w, (a, b) => a <= b)]! / 1000,
  changes: ({ values, from, to }) => {
    let changes = 0
    for (let i = from + 1; i < to; i++) {
      const [a, b] = [values[i - 1]!, values[i]!]
      if (a !== b && !(Number.isNaN(a) && Number.isNaN(b))) changes++
    }
    return changes
  },
  resets: ({ values, from, to }) => {
    let resets = 0
    for (let i = from + 1; i < to; i++) if (values[i]! < values[i - 1]!) resets++
    return resets
  },
  deriv: ({ times, values, from, to }) =>
    to - from < 2 ? undefined : regression(times, values, from, to, times[from]!).slope,
  predict_linear: ({ times, values, from, to, atMs, param }) => {
    if (to - from < 2) return undefined
    const { slope, intercept } = regression(times, values, from, to, atMs)
    return slope * param + intercept
  },
  double_exponential_smoothing: smooth,
  integral,
}

/** For each sample, the sum of all values that came right before a fall: a rate over any window then needs no loop. */
export function resetSums(values: Float64Array): Float64Array | undefined {
  let sums: Float64Array | undefined
  let total = 0
  for (let i = 1; i < values.length; i++) {
    if (values[i]! < values[i - 1]!) {
      sums ??= new Float64Array(values.length)
      total += values[i - 1]!
    }
    if (sums) sums[i] = total
  }
  return sums
}

/**
 * Extrapolates to the borders of the range, but by no more than half an average interval where the series seems to
 * begin or end inside, and a counter never below zero. Prometheus: `extrapolatedRate`.
 */
function extrapolated(w: Window, isCounter: boolean, isRate: boolean): number | undefined {
  const { times, values, from, to, resets } = w
  if (to - from < 2) return undefined
  const first = values[from]!
  let result = values[to - 1]! - first
  if (isCounter && resets) {
    const corrected = resets[to - 1]! - resets[from]!
    if (corrected !== 0) result += corrected
  }
  return (
    result *
    extrapolationFactor(
      w,
      times[from]!,
      times[to - 1]!,
      to - from,
      isRate,
      isCounter && result > 0 && first >= 0 ? first / result : -1,
    )
  )
}

/** @param toZero part of the sampled interval that reaches back to zero at the average slope, or negative. */
export function extrapolationFactor(
  range: { startMs: number; endMs: number },
  firstMs: number,
  lastMs: number,
  count: number,
  isRate: boolean,
  toZero: number,
): number {
  let toStart = (firstMs - range.startMs) / 1000
  let toEnd = (range.endMs - lastMs) / 1000
  const sampled = (lastMs - firstMs) / 1000
  const interval = sampled / (count - 1)
  const threshold = interval * 1.1
  if (toStart >= threshold) toStart = interval / 2
  if (toZero >= 0 && sampled * toZero < toStart) toStart = sampled * toZero
  if (toEnd >= threshold) toEnd = interval / 2
  const factor = (sampled + toStart + toEnd) / sampled
  return isRate ? factor / ((range.endMs - range.startMs) / 1000) : factor
}

function lastTwo({ times, values, from, to }: Window, isRate: boolean): number | undefined {
  if (to - from < 2) return undefined
  const before = values[to - 2]!
  const last = values[to - 1]!
  const intervalMs = times[to - 1]! - times[to - 2]!
  if (intervalMs === 0) return undefined
  const difference = isRate && last < before ? last : last - before
  return isRate ? difference / (intervalMs / 1000) : difference
}

function smooth({ values, from, to, param: smoothing, param2: trend }: Window): number | undefined {
  if (to - from < 2) return undefined
  let previous = 0
  let level = values[from]!
  let slope = values[from + 1]! - values[from]!
  for (let i = from + 1; i < to; i++) {
    if (i > from + 1) slope = trend * (level - previous) + (1 - trend) * slope
    const next = smoothing * values[i]! + (1 - smoothing) * (level + slope)
    previous = level
    level = next
  }
  return level
}

/** By `param`: 0 each value holds until the next, 1 since the one before, 2 straight lines between. NaN counts as zero. */
function integral({ times, values, from, to, param: strategy }: Window): number {
  const terms: number[] = []
  const at = (i: number): number => (Number.isNaN(values[i]) ? 0 : values[i]!)
  for (let i = from + 1; i < to; i++) {
    const [before, value] = [at(i - 1), at(i)]
    const seconds = (times[i]! - times[i - 1]!) / 1000
    if (strategy === 0) terms.push(before * seconds)
    else if (strategy === 1) terms.push(value * seconds)
    // Each half by itself: their sum may be too large for a double, and what it rounds away is kept by the sum of all.
    else terms.push((before / 2) * seconds, (value / 2) * seconds)
  }
  return kahanSum(terms)
}

function extreme({ values, from, to }: Window, better: (a: number, b: number) => boolean): number {
  let best = from
  for (let i = from; i < to; i++) if (better(values[i]!, values[best]!) || Number.isNaN(values[best])) best = i
  return best
}
