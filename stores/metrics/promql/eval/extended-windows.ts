// `anchored` and `smoothed`: rate, increase and delta between exact borders, without extrapolation.
// Prometheus: promql/functions.go, `extendedRate`.
import type { Points } from './points.ts'
import { beganAfter, beganAnew } from './start-windows.ts'

export const anchoredFunctions = ['changes', 'delta', 'increase', 'rate', 'resets']
export const smoothedFunctions = ['delta', 'increase', 'rate']

export interface ExtendedRange {
  startMs: number
  endMs: number
  /** Samples may be this far outside the range. */
  lookbackMs: number
  smoothed: boolean
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

/** How many times are before `ms`. */
function before(times: Float64Array, ms: number): number {
  let count = after(times, ms)
  while (count > 0 && times[count - 1] === ms) count--
  return count
}

/** The samples `from` to `to` (exclusive) that a range may take into account. */
export function inSight(times: Float64Array, range: ExtendedRange): { from: number; to: number } {
  const toMs = range.smoothed ? range.endMs + range.lookbackMs : range.endMs
  return { from: after(times, range.startMs - range.lookbackMs), to: after(times, toMs) }
}

/**
 * The samples at or beyond both borders, or the nearest to them; undefined when nothing is in the range.
 * @param begins whether the first sample in sight stands for more than itself: it began to count within reach
 */
export function outermost(
  times: Float64Array,
  range: ExtendedRange,
  begins: (first: number) => boolean = () => false,
): { first: number; last: number } | undefined {
  const { from, to } = inSight(times, range)
  if (to <= from) return undefined
  const first = Math.max(from, Math.min(to - 1, after(times, range.startMs)) - 1)
  const last = range.smoothed ? Math.max(from, Math.min(to - 1, before(times, range.endMs))) : to - 1
  if (times[last]! <= range.startMs) return undefined
  if (range.smoothed && times[first]! > range.endMs && !begins(first)) return undefined
  return { first, last }
}

/** A value at a border, and since when it counts (0: not known). */
interface Edge {
  value: number
  start: number
}

function between(fromMs: number, from: number, toMs: number, to: number, ms: number, isCounter: boolean): number {
  const low = isCounter && to < from ? 0 : from
  return low + ((to - low) * (ms - fromMs)) / (toMs - fromMs)
}

/** With no sample on its other side: a counter that began within reach was zero until then. */
function loneEdge(value: number, start: number, ms: number, borderMs: number, range: ExtendedRange, counts: boolean) {
  if (!counts || !beganAfter(range.startMs - range.lookbackMs, start, ms)) return value
  if (beganAfter(borderMs, start, ms) || !range.smoothed) return 0
  return between(start, 0, ms, value, borderMs, true)
}

function leftEdge({ times, values, starts }: Points, first: number, range: ExtendedRange, isCounter: boolean): Edge {
  const [ms, value, start] = [times[first]!, values[first]!, starts?.[first] ?? 0]
  const border = range.startMs
  if (ms === border) return { value, start }
  const kept = start > border ? 0 : start
  if (ms > border) return { value: loneEdge(value, start, ms, border, range, isCounter), start: kept }
  const next = { ms: times[first + 1]!, value: values[first + 1]!, start: starts?.[first + 1] ?? 0 }
  if (isCounter && beganAfter(border, next.start, next.ms))
    return { value: range.smoothed ? between(ms, value, next.start, 0, border, true) : value, start: kept }
  if (isCounter && beganAnew(start, ms, next.start, next.ms)) {
    const sinceReset = range.smoothed ? between(next.start, 0, next.ms, next.value, border, true) : 0
    return { value: sinceReset, start: next.start }
  }
  return { value: range.smoothed ? between(ms, value, next.ms, next.value, border, isCounter) : value, start: kept }
}

function rightEdge({ times, values, starts }: Points, last: number, range: ExtendedRange, isCounter: boolean): Edge {
  const [ms, value, start] = [times[last]!, values[last]!, starts?.[last] ?? 0]
  const border = range.endMs
  const kept = start > border ? 0 : start
  if (ms <= border) return { value, start: kept }
  if (last === inSight(times, range).from)
    return { value: loneEdge(value, start, ms, border, range, isCounter), start: kept }
  const [beforeMs, beforeValue, beforeStart] = [times[last - 1]!, values[last - 1]!, starts?.[last - 1] ?? 0]
  if (isCounter && beganAfter(border, start, ms))
    return {
      value: range.smoothed ? between(beforeMs, beforeValue, start, 0, border, true) : beforeValue,
      start: beforeStart,
    }
  if (isCounter && beganAnew(beforeStart, beforeMs, start, ms))
    return { value: range.smoothed ? between(start, 0, ms, value, border, true) : 0, start: kept }
  return {
    value: range.smoothed ? between(beforeMs, beforeValue, ms, value, border, isCounter) : beforeValue,
    start: kept,
  }
}

/** rate, increase or delta of floats. */
export function extendedFloats(name: string, points: Points, range: ExtendedRange): number | undefined {
  const { times, values, starts } = points
  const isCounter = name !== 'delta'
  const found = outermost(times, range, (at) => {
    const [start, ms] = [starts?.[at] ?? 0, times[at]!]
    return isCounter && beganAfter(range.startMs - range.lookbackMs, start, ms) && !beganAfter(range.endMs, start, ms)
  })
  if (!found) return undefined
  let { first, last } = found
  const left = leftEdge(points, first, range, isCounter)
  const right = rightEdge(points, last, range, isCounter)
  let result = right.value - left.value
  if (isCounter) {
    // The samples at or beyond the borders are replaced by the two border values.
    if (times[first]! <= range.startMs) first++
    if (times[last]! >= range.endMs) last--
    let previous = { ...left, ms: range.startMs }
    const step = (value: number, start: number, ms: number): void => {
      if (value < previous.value || beganAnew(previous.start, previous.ms, start, ms)) result += previous.value
      previous = { value, start, ms }
    }
    for (let i = first; i <= last; i++) step(values[i]!, starts?.[i] ?? 0, times[i]!)
    step(right.value, right.start, range.endMs)
  }
  return name === 'rate' ? result / ((range.endMs - range.startMs) / 1000) : result
}

/**
 * A range selector as the result itself: the samples inside, framed by the values at both borders. These are not taken for
 * counters: nothing says that they are.
 */
export function framedFloats(points: Points, range: ExtendedRange): { times: Float64Array; values: Float64Array } {
  const found = outermost(points.times, range, () => true)
  if (!found) return { times: new Float64Array(0), values: new Float64Array(0) }
  let { first, last } = found
  const left = leftEdge(points, first, range, false).value
  const right = rightEdge(points, last, range, false).value
  if (points.times[first]! <= range.startMs) first++
  if (points.times[last]! >= range.endMs) last--
  return {
    times: Float64Array.from([range.startMs, ...points.times.subarray(first, last + 1), range.endMs]),
    values: Float64Array.from([left, ...points.values.subarray(first, last + 1), right]),
  }
}

/**
 * Where changes and resets of an anchored range begin: at the last sample before it, a float or a histogram.
 * undefined when no sample is inside.
 */
export function anchor(
  { times, histogramTimes }: Points,
  range: ExtendedRange,
): { floats: { from: number; to: number }; histograms: { from: number; to: number } } | undefined {
  const [floats, histograms] = [inSight(times, range), inSight(histogramTimes, range)]
  const float = Math.max(floats.from, after(times, range.startMs))
  const histogram = Math.max(histograms.from, after(histogramTimes, range.startMs))
  if (float >= floats.to && histogram >= histograms.to) return undefined
  const [floatMs, histogramMs] = [
    float > floats.from ? times[float - 1]! : Number.NEGATIVE_INFINITY,
    histogram > histograms.from ? histogramTimes[histogram - 1]! : Number.NEGATIVE_INFINITY,
  ]
  const isFloat = floatMs >= histogramMs
  return {
    floats: { from: isFloat && floatMs > Number.NEGATIVE_INFINITY ? float - 1 : float, to: floats.to },
    histograms: { from: isFloat ? histogram : histogram - 1, to: histograms.to },
  }
}
