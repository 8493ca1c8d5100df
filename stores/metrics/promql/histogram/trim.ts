// `h </ x` keeps the observations up to x, `h >/ x` those from x on. Count and sum are then estimated from what is left.
// Prometheus: model/histogram/float_histogram.go, `TrimBuckets`.
import type { FloatHistogram } from '#core/histogram.ts'
import { compact } from './arithmetic.ts'
import { type Bucket, negativeBuckets, positiveBuckets } from './bounds.ts'
import { linearShare, logShare } from './quantile.ts'
import { usesCustomBuckets } from './sparse.ts'

interface Kept {
  count: number
  /** The value that stands for them in the sum. */
  at: number
}

export function trim(h: FloatHistogram, at: number, upper: boolean): FloatHistogram {
  const custom = usesCustomBuckets(h)
  let count = 0
  let sum = 0
  let changed = false
  const keep = (kept: Kept, before: number): number => {
    count += kept.count
    if (kept.count !== 0) sum += kept.count * kept.at
    if (kept.count !== before) changed = true
    return kept.count
  }
  const half = (buckets: Bucket[], positive: boolean): Float64Array =>
    Float64Array.from(buckets, (bucket) =>
      bucket.count === 0 ? 0 : keep(trimBucket(bucket, at, upper, positive, custom), bucket.count),
    )
  const above = half(positiveBuckets(h), true)
  const below = half(negativeBuckets(h), false)
  const zeroCount = h.zeroCount > 0 ? keep(trimZero(h, at, upper), h.zeroCount) : h.zeroCount
  if (!changed) return h
  return compact({ ...h, count, sum, zeroCount, positiveBuckets: above, negativeBuckets: below })
}

function trimBucket(bucket: Bucket, at: number, upper: boolean, positive: boolean, custom: boolean): Kept {
  const { lower: from, upper: to, count } = bucket
  if (upper ? to <= at : from >= at) return { count, at: middle(from, to, positive, custom) }
  if (upper ? from >= at : to <= at) return { count: 0, at: 0 }
  if (from === Number.NEGATIVE_INFINITY || to === Number.POSITIVE_INFINITY) return trimEndless(bucket, at, upper)
  const under = count * (custom ? linearShare(bucket, at) : logShare(bucket, at))
  return upper
    ? { count: under, at: middle(from, at, positive, custom) }
    : { count: count - under, at: middle(at, to, positive, custom) }
}

/** Nothing is known about where observations lie in an endless bucket; one that ends above zero is taken to begin there. */
function trimEndless({ lower, upper: to, count }: Bucket, at: number, upper: boolean): Kept {
  if (lower === Number.NEGATIVE_INFINITY) {
    const positiveEnd = to > 0 && to !== Number.POSITIVE_INFINITY
    if (upper) {
      if (at > 0 && positiveEnd) return { count: (count * at) / to, at: at / 2 }
      return to <= 0 ? { count, at } : { count: 0, at: 0 }
    }
    return at >= 0 && positiveEnd ? { count: count * (1 - at / to), at: (at + to) / 2 } : { count: 0, at: 0 }
  }
  return !upper && at >= lower ? { count, at } : { count: 0, at: 0 }
}

function trimZero(h: FloatHistogram, at: number, upper: boolean): Kept {
  const count = h.zeroCount
  const hasPositive = h.positiveBuckets.some((n) => n !== 0)
  const hasNegative = h.negativeBuckets.some((n) => n !== 0)
  const from = hasPositive && !hasNegative ? 0 : -h.zeroThreshold
  const to = hasNegative && !hasPositive ? 0 : h.zeroThreshold
  const whole = { count, at: (from + to) / 2 }
  const none = { count: 0, at: 0 }
  if (upper) {
    if (at <= from) return none
    return at >= to ? whole : { count: (count * (at - from)) / (to - from), at: (from + at) / 2 }
  }
  if (at <= from) return whole
  return at >= to ? none : { count: (count * (to - at)) / (to - from), at: (at + to) / 2 }
}

function middle(from: number, to: number, positive: boolean, custom: boolean): number {
  if (from === Number.NEGATIVE_INFINITY) {
    if (to === Number.POSITIVE_INFINITY) return 0
    return to > 0 ? to / 2 : to
  }
  if (to === Number.POSITIVE_INFINITY) return from
  if (custom) return (from + to) / 2
  return Math.sqrt(Math.abs(from * to)) * (positive ? 1 : -1)
}
