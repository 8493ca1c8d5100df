// Quantiles, fractions and moments of native histograms. Prometheus: promql/quantile.go.
import type { FloatHistogram } from '#core/histogram.ts'
import { allBuckets, type Bucket } from './bounds.ts'
import { usesCustomBuckets } from './sparse.ts'

/** What observations of NaN, which are in no bucket, did to the result. */
export type NaNEffect = 'none' | 'result' | 'skew'

export function histogramQuantile(q: number, h: FloatHistogram): { value: number; nan: NaNEffect } {
  const plain = (value: number): { value: number; nan: NaNEffect } => ({ value, nan: 'none' })
  if (q < 0) return plain(Number.NEGATIVE_INFINITY)
  if (q > 1) return plain(Number.POSITIVE_INFINITY)
  if (h.count === 0 || Number.isNaN(q)) return plain(Number.NaN)
  const hasNaN = Number.isNaN(h.sum)
  const forward = hasNaN || q < 0.5
  const buckets = allBuckets(h)
  if (!forward) buckets.reverse()
  let rank = forward ? q * h.count : (1 - q) * h.count
  let bucket: Bucket = { lower: 0, upper: 0, lowerInclusive: false, upperInclusive: false, count: 0 }
  let count = 0
  let at = 0
  for (; at < buckets.length; at++) {
    if (buckets[at]!.count === 0) continue
    bucket = buckets[at]!
    count += bucket.count
    if (count >= rank) break
  }
  const custom = usesCustomBuckets(h)
  if (!custom) bucket = oneSided(bucket, h)
  else if (bucket.lower === Number.NEGATIVE_INFINITY) {
    if (bucket.upper <= 0) return plain(bucket.upper)
    bucket = { ...bucket, lower: 0 }
  } else if (bucket.upper === Number.POSITIVE_INFINITY) return plain(bucket.lower)
  count = Math.min(count, h.count)
  if (count < rank) return hasNaN ? { value: Number.NaN, nan: 'result' } : plain(bucket.upper)
  rank = forward ? rank - (count - bucket.count) : count - rank
  const fraction = rank / bucket.count
  let nan: NaNEffect = 'none'
  if (hasNaN) {
    for (at++; at < buckets.length; at++) count += buckets[at]!.count
    if (count < h.count) nan = 'skew'
  }
  if (custom || (bucket.lower <= 0 && bucket.upper >= 0))
    return { value: bucket.lower + (bucket.upper - bucket.lower) * fraction, nan }
  const logLower = Math.log2(Math.abs(bucket.lower))
  const logUpper = Math.log2(Math.abs(bucket.upper))
  const value =
    bucket.lower > 0
      ? 2 ** (logLower + (logUpper - logLower) * fraction)
      : -(2 ** (logUpper + (logLower - logUpper) * (1 - fraction)))
  return { value, nan }
}

/** With observations on one side only, the zero bucket ends at zero on the other. */
function oneSided(bucket: Bucket, h: FloatHistogram): Bucket {
  if (!(bucket.lower < 0 && bucket.upper > 0)) return bucket
  if (h.negativeBuckets.length === 0 && h.positiveBuckets.length > 0) return { ...bucket, lower: 0 }
  if (h.positiveBuckets.length === 0 && h.negativeBuckets.length > 0) return { ...bucket, upper: 0 }
  return bucket
}

/** Share of the observations between two values. */
export function histogramFraction(lower: number, upper: number, h: FloatHistogram): { value: number; hasNaN: boolean } {
  if (h.count === 0 || Number.isNaN(lower) || Number.isNaN(upper)) return { value: Number.NaN, hasNaN: false }
  if (lower >= upper) return { value: 0, hasNaN: false }
  const custom = usesCustomBuckets(h)
  const buckets = allBuckets(h)
  const hasNaN = Number.isNaN(h.sum)
  const total = hasNaN ? buckets.reduce((sum, bucket) => sum + bucket.count, 0) : h.count
  const rankOf = (value: number): number => {
    let rank = 0
    for (const raw of buckets) {
      let bucket = raw
      let linear = custom
      if (!custom && bucket.lower <= 0 && bucket.upper >= 0) {
        linear = true
        bucket = oneSided(bucket, h)
      } else if (custom && bucket.lower === Number.NEGATIVE_INFINITY && bucket.upper > 0)
        bucket = { ...bucket, lower: 0 }
      if (bucket.lower >= value) return rank
      if (bucket.upper > value)
        return rank + bucket.count * (linear ? linearShare(bucket, value) : logShare(bucket, value))
      rank += bucket.count
    }
    return total
  }
  return {
    value: (Math.min(rankOf(upper), total) - Math.min(rankOf(lower), total)) / h.count,
    hasNaN: hasNaN && total < h.count,
  }
}

/** How much of the bucket lies below the value. Nothing can be said inside an endless one. */
export function linearShare(bucket: { lower: number; upper: number }, value: number): number {
  if (bucket.lower === Number.NEGATIVE_INFINITY) return 1
  if (bucket.upper === Number.POSITIVE_INFINITY) return 0
  return (value - bucket.lower) / (bucket.upper - bucket.lower)
}

export function logShare(bucket: { lower: number; upper: number }, value: number): number {
  const logLower = Math.log2(Math.abs(bucket.lower))
  const logUpper = Math.log2(Math.abs(bucket.upper))
  const log = Math.log2(Math.abs(value))
  return value > 0 ? (log - logLower) / (logUpper - logLower) : 1 - (log - logUpper) / (logLower - logUpper)
}

export function histogramVariance(h: FloatHistogram): number {
  const mean = h.sum / h.count
  const custom = usesCustomBuckets(h)
  let sum = 0
  let lost = 0
  for (const bucket of allBuckets(h)) {
    if (bucket.count === 0) continue
    let value: number
    if (custom) value = (bucket.upper + bucket.lower) / 2
    else if (bucket.lower <= 0 && bucket.upper >= 0) value = 0
    else value = Math.sqrt(bucket.upper * bucket.lower) * (bucket.upper < 0 ? -1 : 1)
    const delta = value - mean
    const term = bucket.count * delta * delta
    const next = sum + term
    if (Number.isFinite(next)) lost += Math.abs(sum) >= Math.abs(term) ? sum - next + term : term - next + sum
    sum = next
  }
  return (sum + lost) / h.count
}
