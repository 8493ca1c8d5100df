// Functions over a window that has native histograms, alone or among floats. Prometheus: promql/functions.go.
import type { FloatHistogram } from '#core/histogram.ts'
import type { Annotations } from '../annotations.ts'
import type { Position } from '../ast.ts'
import { combine, compact, divide, equal, IncompatibleHistograms, scale, withHint } from '../histogram/arithmetic.ts'
import { detectReset } from '../histogram/detect-reset.ts'
import { usesCustomBuckets } from '../histogram/sparse.ts'
import { HistogramAdder } from '../histogram/sum.ts'
import { extrapolationFactor, floatWindowFunctions, type Window } from './float-windows.ts'
import { beganAnew, factorSince, startInside } from './start-windows.ts'

export interface MixedWindow {
  /** `window.from === window.to` when there are no floats. */
  floats: Window
  times: Float64Array
  histograms: readonly FloatHistogram[]
  /** Since when each histogram counts, where that is known. */
  starts: Float64Array | undefined
  from: number
  to: number
  name: string
  annotations: Annotations
  position: Position
}

type Result = number | FloatHistogram | undefined

export function mixedWindowFunction(name: string, w: MixedWindow): Result {
  const floats = w.floats.to - w.floats.from
  const histograms = w.to - w.from
  switch (name) {
    case 'rate':
    case 'increase':
    case 'delta': {
      if (floats > 0 && histograms > 0) {
        w.annotations.mixedInRange(w.name, w.position)
        return undefined
      }
      if (floats > 0) return floatWindowFunctions[name]!(w.floats)
      return histogramRate(w, name !== 'delta', name === 'rate')
    }
    case 'irate':
    case 'idelta':
      return lastTwo(w, name === 'irate')
    case 'sum_over_time':
    case 'avg_over_time':
      if (floats > 0 && histograms > 0) {
        w.annotations.mixedInRange(w.name, w.position)
        return undefined
      }
      return histograms === 0 ? floatWindowFunctions[name]!(w.floats) : added(w, name === 'avg_over_time')
    case 'count_over_time':
      return floats + histograms
    case 'present_over_time':
    case 'absent_over_time':
      return 1
    case 'first_over_time':
      return histograms > 0 && !(floats > 0 && firstFloatMs(w) < w.times[w.from]!)
        ? w.histograms[w.from]!
        : w.floats.values[w.floats.from]!
    case 'last_over_time':
      return histograms > 0 && !(floats > 0 && w.times[w.to - 1]! < lastFloatMs(w))
        ? w.histograms[w.to - 1]!
        : w.floats.values[w.floats.to - 1]!
    case 'ts_of_first_over_time':
      return Math.min(floats > 0 ? firstFloatMs(w) : Infinity, histograms > 0 ? w.times[w.from]! : Infinity) / 1000
    case 'ts_of_last_over_time':
      return Math.max(floats > 0 ? lastFloatMs(w) : -Infinity, histograms > 0 ? w.times[w.to - 1]! : -Infinity) / 1000
    case 'changes':
      return steps(w, (a, b) =>
        typeof a === 'number' && typeof b === 'number'
          ? a !== b && !(Number.isNaN(a) && Number.isNaN(b))
          : typeof a === 'number' || typeof b === 'number' || !equal(a, b),
      )
    case 'resets':
      return steps(w, (a, b, anew) =>
        typeof a === 'number' && typeof b === 'number'
          ? b < a || anew
          : typeof a === 'number' || typeof b === 'number' || anew || detectReset(b, a),
      )
    default: {
      // Float functions: histograms are left out, and the reader is told where floats were among them.
      if (floats === 0) return undefined
      if (histograms > 0) w.annotations.ignoredInRange(w.name, w.position)
      return floatWindowFunctions[name]!(w.floats)
    }
  }
}

const firstFloatMs = (w: MixedWindow): number => w.floats.times[w.floats.from]!
const lastFloatMs = (w: MixedWindow): number => w.floats.times[w.floats.to - 1]!

/** How many neighbours, in order of time, satisfy the test. */
function steps(
  w: MixedWindow,
  test: (a: number | FloatHistogram, b: number | FloatHistogram, beganAnew: boolean) => boolean,
): number {
  let i = w.floats.from
  let j = w.from
  let previous: Sample | undefined
  let count = 0
  while (i < w.floats.to || j < w.to) {
    const takeFloat = j >= w.to || (i < w.floats.to && w.floats.times[i]! < w.times[j]!)
    const current = takeFloat ? floatAt(w, i++) : histogramAt(w, j++)
    if (previous && test(previous.value, current.value, began(previous, current))) count++
    previous = current
  }
  return count
}

interface Sample {
  ms: number
  start: number
  value: number | FloatHistogram
}

const floatAt = ({ floats: { times, values, starts } }: MixedWindow, i: number): Sample => ({
  ms: times[i]!,
  start: starts?.[i] ?? 0,
  value: values[i]!,
})
const histogramAt = ({ times, histograms, starts }: MixedWindow, i: number): Sample => ({
  ms: times[i]!,
  start: starts?.[i] ?? 0,
  value: histograms[i]!,
})
const began = (before: Sample, sample: Sample): boolean => beganAnew(before.start, before.ms, sample.start, sample.ms)

function added(w: MixedWindow, averaging: boolean): Result {
  const adder = new HistogramAdder(w.histograms[w.from]!, averaging)
  try {
    for (let i = w.from + 1; i < w.to; i++) adder.add(w.histograms[i]!)
    return adder.result()
  } catch (error) {
    if (!(error instanceof IncompatibleHistograms)) throw error
    w.annotations.mixedSchemas(w.name, w.position)
    return undefined
  } finally {
    if (adder.resetCollision) w.annotations.resetCollision('aggregation', w.position)
    if (adder.reconciled) w.annotations.reconciled('aggregation', w.position)
  }
}

function histogramRate(w: MixedWindow, isCounter: boolean, isRate: boolean): Result {
  const first = w.histograms[w.from]!
  const [firstMs, lastMs, count] = [w.times[w.from]!, w.times[w.to - 1]!, w.to - w.from]
  const since = isCounter ? startInside(w.starts?.[w.from], firstMs, w.floats.startMs) : undefined
  if (count < 2 && since === undefined) return undefined
  const difference = count < 2 ? undefined : histogramIncrease(w, isCounter)
  if (count > 1 && !difference) return undefined
  if (since !== undefined) {
    const factor = factorSince(since, w.floats, { firstMs, lastMs, count }, isRate)
    try {
      return scale(difference ? combine(difference, first, 1).histogram : withHint(first, 'gauge'), factor)
    } catch (error) {
      if (!(error instanceof IncompatibleHistograms)) throw error
      w.annotations.mixedSchemas(w.name, w.position)
      return undefined
    }
  }
  if (!difference) return undefined
  const toZero = isCounter && difference.count > 0 && first.count >= 0 ? first.count / difference.count : -1
  const factor = extrapolationFactor(w.floats, firstMs, lastMs, count, isRate, toZero)
  return scale(difference, factor)
}

/** From the first to the last, counter resets taken in. */
function histogramIncrease(w: MixedWindow, isCounter: boolean): FloatHistogram | undefined {
  const list = w.histograms.slice(w.from, w.to)
  let previous = list[0]!
  const second = list[1]!
  const last = list[list.length - 1]!
  const gauges = list.some((h) => h.counterResetHint === 'gauge')
  if (isCounter && gauges) w.annotations.notCounter(w.name, w.position)
  // After a reset the first histogram does not matter, nor does its layout.
  const isReset = (i: number): boolean =>
    began(histogramAt(w, w.from + i - 1), histogramAt(w, w.from + i)) ||
    detectReset(list[i]!, i === 1 ? previous : list[i - 1]!)
  if (isCounter && isReset(1)) previous = emptyLike(second)
  const custom = usesCustomBuckets(previous)
  const relevant = isCounter ? [...list.slice(1)] : [last]
  if (relevant.some((h) => usesCustomBuckets(h) !== custom)) {
    w.annotations.mixedSchemas(w.name, w.position)
    return undefined
  }
  let total = last
  const apply = (other: FloatHistogram, sign: 1 | -1) => {
    const { histogram, reconciled } = combine(total, other, sign)
    if (reconciled) w.annotations.reconciled(sign === 1 ? 'addition' : 'subtraction', w.position)
    total = histogram
  }
  apply(previous, -1)
  if (isCounter) {
    for (let i = 1; i < list.length; i++) {
      if (isReset(i)) apply(previous, 1)
      previous = list[i]!
    }
    // The result has the lowest resolution of all that were looked at.
    const coarsest = list.reduce((low, h) => (usesCustomBuckets(h) || h.schema >= low.schema ? low : h), total)
    if (!custom && coarsest.schema < total.schema) total = combine(total, emptyLike(coarsest), 1).histogram
  } else if (list[0]!.counterResetHint !== 'gauge' || last.counterResetHint !== 'gauge')
    w.annotations.notGauge(w.name, w.position)
  return withHint(compact(total), 'gauge')
}

function emptyLike(h: FloatHistogram): FloatHistogram {
  const none = new Float64Array(0)
  return {
    schema: h.schema,
    counterResetHint: 'unknown',
    zeroThreshold: 0,
    zeroCount: 0,
    count: 0,
    sum: 0,
    positiveSpans: [],
    positiveBuckets: none,
    negativeSpans: [],
    negativeBuckets: none,
    customValues: h.customValues,
  }
}

function lastTwo(w: MixedWindow, isRate: boolean): Result {
  const samples: Sample[] = []
  for (let i = Math.max(w.floats.from, w.floats.to - 2); i < w.floats.to; i++) samples.push(floatAt(w, i))
  for (let i = Math.max(w.from, w.to - 2); i < w.to; i++) samples.push(histogramAt(w, i))
  samples.sort((a, b) => a.ms - b.ms)
  const [before, last] = samples.slice(-2)
  if (!before || !last || last.ms === before.ms) return undefined
  const seconds = (last.ms - before.ms) / 1000
  if (typeof before.value === 'number' && typeof last.value === 'number') {
    const isReset = last.value < before.value || began(before, last)
    const difference = isRate && isReset ? last.value : last.value - before.value
    return isRate ? difference / seconds : difference
  }
  if (typeof before.value === 'number' || typeof last.value === 'number') {
    w.annotations.mixedInRange(w.name, w.position)
    return undefined
  }
  const gauges = [before.value, last.value].filter((h) => h.counterResetHint === 'gauge').length
  if (isRate && gauges > 0) w.annotations.notCounter(w.name, w.position)
  if (!isRate && gauges < 2) w.annotations.notGauge(w.name, w.position)
  let result = last.value
  if (!isRate || !(began(before, last) || detectReset(last.value, before.value))) {
    try {
      const { histogram, reconciled } = combine(last.value, before.value, -1)
      if (reconciled) w.annotations.reconciled('subtraction', w.position)
      result = histogram
    } catch (error) {
      if (!(error instanceof IncompatibleHistograms)) throw error
      w.annotations.mixedSchemas(w.name, w.position)
      return undefined
    }
  }
  result = withHint(compact(result), 'gauge')
  return isRate ? divide(result, seconds) : result
}
