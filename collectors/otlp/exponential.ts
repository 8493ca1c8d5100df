// Exponential histograms as Prometheus's native ones (OpenTelemetry's compatibility specification, "Exponential
// Histograms"). Bucket i of OTLP holds (base^i, base^(i+1)], bucket i of Prometheus (base^(i−1), base^i], with the base
// 2^(2^−scale) in both: an offset of one.
//
//   scale > 8: neighbours are joined until it is 8     scale < −4: there is no such schema, refused
import type { FloatHistogram, HistogramSpan } from '#core/histogram.ts'
import { histogramBucketsMax } from '#core/histogram-protobuf.ts'
import type { Message } from './protobuf.ts'
import { listOf, numberOf, objectOf } from './values.ts'

const schemaMax = 8
const schemaMin = -4
/** What Prometheus takes where the point names none. */
const zeroThresholdDefault = 1e-128
/** A total of deltas that spread wider is kept with larger buckets. */
const totalBucketsMax = 320

interface Side {
  /** Index of the first count, as OTLP numbers buckets. */
  offset: number
  counts: number[]
}

export interface Exponential {
  scale: number
  zeroThreshold: number
  zeroCount: number
  count: number
  sum: number
  positive: Side
  negative: Side
}

export type ExponentialRefusal = 'histogram-scale' | 'histogram-buckets' | 'invalid-histogram'

export function readExponential(point: Message): Exponential | ExponentialRefusal {
  const scale = Number(point['scale'] ?? 0)
  const [positive, negative] = [sideOf(point['positive']), sideOf(point['negative'])]
  if (!positive || !negative) return 'histogram-buckets'
  const histogram: Exponential = {
    ...{ scale, positive, negative },
    zeroThreshold: numberOf(point['zeroThreshold'] ?? 0),
    zeroCount: numberOf(point['zeroCount'] ?? 0),
    count: numberOf(point['count'] ?? 0),
    sum: numberOf(point['sum'] ?? 0),
  }
  if (!isSound(histogram)) return 'invalid-histogram'
  if (scale < schemaMin) return 'histogram-scale'
  return scale > schemaMax ? scaledTo(histogram, schemaMax) : histogram
}

function sideOf(value: unknown): Side | undefined {
  const { offset, bucketCounts } = objectOf(value)
  const counts = listOf(bucketCounts)
  return counts.length > histogramBucketsMax ? undefined : { offset: Number(offset ?? 0), counts: counts.map(numberOf) }
}

/** As Prometheus checks it: all observations are in a bucket, unless some were NaN, which shows in the sum. */
function isSound({ scale, zeroThreshold, zeroCount, count, sum, positive, negative }: Exponential): boolean {
  if (!Number.isInteger(scale) || Math.abs(scale) > 1000 || !(zeroThreshold >= 0)) return false
  let total = zeroCount
  for (const { offset, counts } of [positive, negative]) {
    if (!Number.isInteger(offset) || Math.abs(offset) > 2 ** 31) return false
    for (const one of counts) {
      if (!(one >= 0)) return false
      total += one
    }
  }
  return zeroCount >= 0 && (Number.isNaN(sum) ? total <= count : total === count)
}

/** Undefined where the smallest scale is not small enough for both. */
export function plusExponential(total: Exponential | undefined, value: Exponential): Exponential | undefined {
  if (!total) return value
  const zeroThreshold = Math.max(total.zeroThreshold, value.zeroThreshold)
  for (let scale = Math.min(total.scale, value.scale); scale >= schemaMin; scale--) {
    const [a, b] = [scaledTo(total, scale), scaledTo(value, scale)]
    const [positive, negative] = [plusSide(a.positive, b.positive), plusSide(a.negative, b.negative)]
    if (!positive || !negative) continue
    return withinThreshold({
      ...{ scale, zeroThreshold, positive, negative },
      zeroCount: total.zeroCount + value.zeroCount,
      count: total.count + value.count,
      sum: total.sum + value.sum,
    })
  }
  return undefined
}

function plusSide(a: Side, b: Side): Side | undefined {
  if (a.counts.length === 0) return b
  if (b.counts.length === 0) return a
  const offset = Math.min(a.offset, b.offset)
  const length = Math.max(a.offset + a.counts.length, b.offset + b.counts.length) - offset
  // Measured before it is allocated: offsets can be worlds apart.
  if (length > Math.max(totalBucketsMax, a.counts.length, b.counts.length)) return undefined
  const counts = new Array<number>(length).fill(0)
  for (const side of [a, b])
    side.counts.forEach((count, i) => {
      counts[side.offset - offset + i]! += count
    })
  return { offset, counts }
}

/** Of two thresholds the larger counts: what is below it belongs to the zero bucket. */
function withinThreshold(histogram: Exponential): Exponential {
  const { scale, zeroThreshold } = histogram
  let { zeroCount } = histogram
  const cut = ({ offset, counts }: Side): Side => {
    let below = 0
    while (below < counts.length && 2 ** ((offset + below + 1) * 2 ** -scale) <= zeroThreshold)
      zeroCount += counts[below++]!
    return { offset: offset + below, counts: counts.slice(below) }
  }
  const [positive, negative] = [cut(histogram.positive), cut(histogram.negative)]
  return { ...histogram, positive, negative, zeroCount }
}

/** @param scale not larger than its own */
function scaledTo(histogram: Exponential, scale: number): Exponential {
  const step = 2 ** (histogram.scale - scale)
  if (step === 1) return histogram
  const join = ({ offset, counts }: Side): Side => {
    const joined: Side = { offset: Math.floor(offset / step), counts: [] }
    counts.forEach((count, i) => {
      const at = Math.floor((offset + i) / step) - joined.offset
      joined.counts[at] = (joined.counts[at] ?? 0) + count
    })
    return joined
  }
  return { ...histogram, scale, positive: join(histogram.positive), negative: join(histogram.negative) }
}

export function nativeOf(histogram: Exponential): FloatHistogram {
  const positive = spansOf(histogram.positive)
  const negative = spansOf(histogram.negative)
  return {
    schema: histogram.scale,
    counterResetHint: 'unknown',
    zeroThreshold: histogram.zeroThreshold || zeroThresholdDefault,
    zeroCount: histogram.zeroCount,
    count: histogram.count,
    sum: histogram.sum,
    ...{ positiveSpans: positive.spans, positiveBuckets: positive.buckets },
    ...{ negativeSpans: negative.spans, negativeBuckets: negative.buckets },
    customValues: [],
  }
}

/** Up to so many empty buckets cost less than another span. */
const gapMax = 2

function spansOf({ offset, counts }: Side): { spans: HistogramSpan[]; buckets: Float64Array } {
  const spans: HistogramSpan[] = []
  const buckets: number[] = []
  /** Where the last span ended, in Prometheus's numbers. */
  let ended = 0
  counts.forEach((count, i) => {
    if (count === 0) return
    const index = offset + i + 1
    const gap = index - ended
    const last = spans.at(-1)
    if (last && gap <= gapMax) {
      last.length += gap + 1
      for (let empty = 0; empty < gap; empty++) buckets.push(0)
    } else spans.push({ offset: gap, length: 1 })
    buckets.push(count)
    ended = index + 1
  })
  return { spans, buckets: Float64Array.from(buckets) }
}
