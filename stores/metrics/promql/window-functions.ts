// Functions over a range: samples in (end − range, end], oldest first, stale markers already taken out.
// Formulas are those of Prometheus's promql/functions.go, so that dashboards show the same numbers.

export interface Window {
  times: Float64Array
  values: Float64Array
  /** `[from, to)` of the arrays. */
  from: number
  to: number
  startMs: number
  endMs: number
  /** Evaluation time, which differs from `endMs` by the offset. */
  nowMs: number
}

/** undefined: no result at this step. */
type WindowFunction = (window: Window, params: readonly number[]) => number | undefined

export const windowFunctions: Readonly<Record<string, WindowFunction>> = {
  rate: (window) => extrapolated(window, true, true),
  increase: (window) => extrapolated(window, true, false),
  delta: (window) => extrapolated(window, false, false),
  irate: (window) => lastTwo(window, true),
  idelta: (window) => lastTwo(window, false),
  deriv: (window) => (window.to - window.from < 2 ? undefined : regression(window, window.times[window.from]!).slope),
  predict_linear: (window, [seconds]) => {
    if (window.to - window.from < 2) return undefined
    const { slope, intercept } = regression(window, window.nowMs)
    return slope * seconds! + intercept
  },
  double_exponential_smoothing: (window, [smoothing, trend]) => smooth(window, smoothing!, trend!),
  changes: (window) => {
    let count = 0
    for (let i = window.from + 1; i < window.to; i++) {
      const [before, value] = [window.values[i - 1]!, window.values[i]!]
      if (value !== before && !(Number.isNaN(value) && Number.isNaN(before))) count++
    }
    return count
  },
  resets: (window) => {
    let count = 0
    for (let i = window.from + 1; i < window.to; i++) if (window.values[i]! < window.values[i - 1]!) count++
    return count
  },
  avg_over_time: (window) => mean(slice(window)),
  sum_over_time: (window) => kahanSum(slice(window)),
  count_over_time: (window) => window.to - window.from,
  present_over_time: () => 1,
  first_over_time: (window) => window.values[window.from],
  last_over_time: (window) => window.values[window.to - 1],
  min_over_time: (window) => window.values[extreme(window, (a, b) => a < b)],
  max_over_time: (window) => window.values[extreme(window, (a, b) => a > b)],
  ts_of_first_over_time: (window) => window.times[window.from]! / 1000,
  ts_of_last_over_time: (window) => window.times[window.to - 1]! / 1000,
  ts_of_min_over_time: (window) => window.times[extreme(window, (a, b) => a <= b)]! / 1000,
  ts_of_max_over_time: (window) => window.times[extreme(window, (a, b) => a >= b)]! / 1000,
  stddev_over_time: (window) => Math.sqrt(variance(slice(window))),
  stdvar_over_time: (window) => variance(slice(window)),
  quantile_over_time: (window, [q]) => quantile(q!, slice(window)),
  mad_over_time: (window) => {
    const values = slice(window)
    const median = quantile(0.5, values)
    return quantile(
      0.5,
      values.map((value) => Math.abs(value - median)),
    )
  },
}

/** Functions that keep the metric name, as the value is one of the series' own. */
export const keepsName = new Set(['first_over_time', 'last_over_time'])

/**
 * Linear interpolation between ranks, NaN for no values. φ < 0 and φ > 1 give −Inf and +Inf.
 * Prometheus: promql/quantile.go, `quantile`.
 */
export function quantile(q: number, values: Float64Array): number {
  if (values.length === 0 || Number.isNaN(q)) return Number.NaN
  if (q < 0) return Number.NEGATIVE_INFINITY
  if (q > 1) return Number.POSITIVE_INFINITY
  // NaN sorts first, as there.
  const sorted = [...values].sort((a, b) => (Number.isNaN(a) ? -1 : Number.isNaN(b) ? 1 : a - b))
  const rank = q * (sorted.length - 1)
  const lower = Math.max(0, Math.floor(rank))
  const upper = Math.min(sorted.length - 1, lower + 1)
  const weight = rank - Math.floor(rank)
  return sorted[lower]! * (1 - weight) + sorted[upper]! * weight
}

/** Neumaier's compensated sum: adding 1e100, 1, −1e100 gives 1. */
export function kahanSum(values: Iterable<number>): number {
  let sum = 0
  let lost = 0
  for (const value of values) {
    const next = sum + value
    if (Number.isFinite(next)) lost += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum
    else lost = 0
    sum = next
  }
  return sum + lost
}

/** Falls back to a running mean when the sum would overflow. */
export function mean(values: Float64Array): number {
  const sum = kahanSum(values)
  if (Number.isFinite(sum) || values.some((value) => !Number.isFinite(value))) return sum / values.length
  return kahanSum(values.map((value) => value / values.length))
}

/** Population variance, Welford's way. */
export function variance(values: Float64Array): number {
  let average = 0
  let sum = 0
  for (let i = 0; i < values.length; i++) {
    const delta = values[i]! - average
    average += delta / (i + 1)
    sum += delta * (values[i]! - average)
  }
  return sum / values.length
}

function slice(window: Window): Float64Array {
  return window.values.subarray(window.from, window.to)
}

/**
 * Extrapolates to the borders of the range, but not by more than half an average interval where the series seems to
 * begin or end inside, and a counter never below zero. Prometheus: `extrapolatedRate`.
 */
function extrapolated(window: Window, isCounter: boolean, isRate: boolean): number | undefined {
  const { times, values, from, to } = window
  const count = to - from
  if (count < 2) return undefined
  let result = values[to - 1]! - values[from]!
  if (isCounter) for (let i = from + 1; i < to; i++) if (values[i]! < values[i - 1]!) result += values[i - 1]!
  let toStart = (times[from]! - window.startMs) / 1000
  const toEnd = (window.endMs - times[to - 1]!) / 1000
  const sampled = (times[to - 1]! - times[from]!) / 1000
  const interval = sampled / (count - 1)
  const threshold = interval * 1.1
  if (toStart >= threshold) toStart = interval / 2
  if (isCounter && result > 0 && values[from]! >= 0) toStart = Math.min(toStart, sampled * (values[from]! / result))
  const span = sampled + toStart + (toEnd >= threshold ? interval / 2 : toEnd)
  let factor = span / sampled
  if (isRate) factor /= (window.endMs - window.startMs) / 1000
  return result * factor
}

function lastTwo(window: Window, isRate: boolean): number | undefined {
  const { times, values, from, to } = window
  if (to - from < 2) return undefined
  const [before, last] = [values[to - 2]!, values[to - 1]!]
  const difference = isRate && last < before ? last : last - before
  const intervalMs = times[to - 1]! - times[to - 2]!
  if (intervalMs === 0) return undefined
  return isRate ? difference / (intervalMs / 1000) : difference
}

function regression(window: Window, interceptMs: number): { slope: number; intercept: number } {
  const { times, values, from, to } = window
  let constant = true
  const x: number[] = []
  const y: number[] = []
  for (let i = from; i < to; i++) {
    if (values[i] !== values[from]) constant = false
    x.push((times[i]! - interceptMs) / 1000)
    y.push(values[i]!)
  }
  if (constant)
    return Number.isFinite(values[from]!)
      ? { slope: 0, intercept: values[from]! }
      : { slope: Number.NaN, intercept: Number.NaN }
  const n = x.length
  const sumX = kahanSum(x)
  const sumY = kahanSum(y)
  const covariance = kahanSum(x.map((value, i) => value * y[i]!)) - (sumX * sumY) / n
  const spread = kahanSum(x.map((value) => value * value)) - (sumX * sumX) / n
  const slope = covariance / spread
  return { slope, intercept: sumY / n - (slope * sumX) / n }
}

function smooth(window: Window, smoothing: number, trend: number): number | undefined {
  const values = slice(window)
  if (values.length < 2) return undefined
  let previous = values[0]!
  let level = values[0]!
  let slope = values[1]! - values[0]!
  for (let i = 1; i < values.length; i++) {
    if (i > 1) slope = trend * (level - previous) + (1 - trend) * slope
    previous = level
    level = smoothing * values[i]! + (1 - smoothing) * (level + slope)
  }
  return level
}

function extreme(window: Window, better: (a: number, b: number) => boolean): number {
  let best = window.from
  for (let i = window.from + 1; i < window.to; i++) {
    if (better(window.values[i]!, window.values[best]!) || Number.isNaN(window.values[best]!)) best = i
  }
  return best
}
