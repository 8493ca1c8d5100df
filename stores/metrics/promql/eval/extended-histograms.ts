// `anchored` and `smoothed` over native histograms. Prometheus: promql/functions.go, `extendedHistogramRate`, and
// promql/engine.go, `smoothSeries`.
import type { FloatHistogram } from '#core/histogram.ts'
import type { Annotations } from '../annotations.ts'
import type { Position } from '../ast.ts'
import { combine, compact, IncompatibleHistograms, scale, withHint } from '../histogram/arithmetic.ts'
import { detectReset } from '../histogram/detect-reset.ts'
import { usesCustomBuckets } from '../histogram/sparse.ts'
import { after, type ExtendedRange, inSight, outermost } from './extended-windows.ts'
import type { Points } from './points.ts'

export interface Told {
  annotations: Annotations
  metric: string
  position: Position
}

/** @throws IncompatibleHistograms */
function combined(a: FloatHistogram, b: FloatHistogram, sign: 1 | -1, told: Told): FloatHistogram {
  const { histogram, reconciled } = combine(a, b, sign)
  if (reconciled) told.annotations.reconciled(sign === 1 ? 'addition' : 'subtraction', told.position)
  return histogram
}

interface At {
  ms: number
  histogram: FloatHistogram
}

/** On the straight line between two; a counter that began anew in between rises from zero. @throws IncompatibleHistograms */
function between(from: At, to: At, ms: number, isCounter: boolean, told: Told): FloatHistogram {
  if (ms === from.ms) return from.histogram
  if (ms === to.ms) return to.histogram
  const share = (ms - from.ms) / (to.ms - from.ms)
  if (isCounter && detectReset(to.histogram, from.histogram)) return scale(to.histogram, share)
  const gained = scale(combined(to.histogram, from.histogram, -1, told), share)
  return combined(gained, from.histogram, 1, told)
}

/** rate, increase or delta. */
export function extendedHistograms(
  name: string,
  points: Points,
  range: ExtendedRange,
  told: Told,
): FloatHistogram | undefined {
  const { annotations, metric, position } = told
  const { histogramTimes: times, histograms } = points
  const found = outermost(times, range)
  if (!found) return undefined
  const { first, last } = found
  const isCounter = name !== 'delta'
  const custom = usesCustomBuckets(histograms[first]!)
  for (let i = first; i <= last; i++) {
    if (usesCustomBuckets(histograms[i]!) !== custom) {
      annotations.mixedSchemas(metric, position)
      return undefined
    }
    if (isCounter && histograms[i]!.counterResetHint === 'gauge') annotations.notCounter(metric, position)
  }
  const at = (i: number): At => ({ ms: times[i]!, histogram: histograms[i]! })
  try {
    const crossesLeft = range.smoothed && times[first]! < range.startMs
    const left = crossesLeft ? between(at(first), at(first + 1), range.startMs, isCounter, told) : histograms[first]!
    const crossesRight = range.smoothed && last > inSight(times, range).from && times[last]! > range.endMs
    const right = crossesRight ? between(at(last - 1), at(last), range.endMs, isCounter, told) : histograms[last]!
    if (!isCounter && (left.counterResetHint !== 'gauge' || right.counterResetHint !== 'gauge'))
      annotations.notGauge(metric, position)
    let result = combined(right, left, -1, told)
    if (isCounter) {
      let from = first + 1
      let before = left
      if (crossesLeft && detectReset(histograms[first + 1]!, histograms[first]!)) {
        // What `left` was taken from rises from zero already: that reset is not to be counted again.
        before = histograms[first + 1]!
        from++
      }
      if (from <= last) {
        for (let i = from; i < last; i++) {
          if (detectReset(histograms[i]!, before)) result = combined(result, before, 1, told)
          before = histograms[i]!
        }
        // `right` has the hint of the last one, which is not asked itself.
        if (detectReset(right, before)) result = combined(result, before, 1, told)
      }
    }
    if (name === 'rate') result = scale(result, 1000 / (range.endMs - range.startMs))
    return withHint(compact(result), 'gauge')
  } catch (error) {
    if (!(error instanceof IncompatibleHistograms)) throw error
    annotations.mixedSchemas(metric, position)
    return undefined
  }
}

/** An instant selector with `smoothed`: between the samples around a time, or the last one before it. */
export function smoothedAt(
  points: Points,
  ms: number,
  lookbackMs: number,
  told: Told,
): number | FloatHistogram | undefined {
  const { times, values, histogramTimes, histograms } = points
  const range: ExtendedRange = { startMs: ms, endMs: ms, lookbackMs, smoothed: true }
  const [floats, natives] = [inSight(times, range), inSight(histogramTimes, range)]
  const [hasFloats, hasNatives] = [floats.to > floats.from, natives.to > natives.from]
  if (hasFloats && hasNatives) {
    told.annotations.mixedInRange(told.metric, told.position)
    return undefined
  }
  const [{ from, to }, own] = hasNatives ? [natives, histogramTimes] : [floats, times]
  const next = Math.max(from, after(own, ms))
  const before = next - 1
  if (before < from) return undefined
  if (!hasNatives) {
    if (own[before] === ms || next >= to) return values[before]!
    return values[before]! + ((values[next]! - values[before]!) * (ms - own[before]!)) / (own[next]! - own[before]!)
  }
  if (own[before] === ms) return histograms[before]!
  // A hint is about the sample before it, and none is here.
  if (next >= to) return withHint(histograms[before]!, 'unknown')
  const [low, high] = [histograms[before]!, histograms[next]!]
  const isCounter = low.counterResetHint !== 'gauge' || high.counterResetHint !== 'gauge'
  try {
    if (usesCustomBuckets(low) !== usesCustomBuckets(high)) throw new IncompatibleHistograms()
    return between({ ms: own[before]!, histogram: low }, { ms: own[next]!, histogram: high }, ms, isCounter, told)
  } catch (error) {
    if (!(error instanceof IncompatibleHistograms)) throw error
    told.annotations.mixedSchemas(told.metric, told.position)
    return undefined
  }
}
