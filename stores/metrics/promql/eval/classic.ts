// Quantiles and fractions from cumulative buckets. Prometheus: promql/quantile.go.
import type { Monotonicity } from '../annotations.ts'
import { linearShare } from '../histogram/quantile.ts'

export interface Bucket {
  upper: number
  /** Cumulative. */
  count: number
}

export type Forced = Omit<Monotonicity, 'count' | 'firstMs' | 'lastMs'>

/** Counts that differ by rounding alone, relative. */
const tolerance = 1e-12

/** Buckets of one bound are added. Sorted in, sorted out. */
export function mergeBuckets(buckets: Bucket[]): Bucket[] {
  const result: Bucket[] = []
  for (const bucket of buckets) {
    const last = result[result.length - 1]
    if (last && last.upper === bucket.upper) last.count += bucket.count
    else result.push({ ...bucket })
  }
  return result
}

export function bucketQuantile(q: number, buckets: Bucket[]): { value: number; forced?: Forced } {
  if (Number.isNaN(q)) return { value: Number.NaN }
  if (q < 0) return { value: Number.NEGATIVE_INFINITY }
  if (q > 1) return { value: Number.POSITIVE_INFINITY }
  const last = buckets[buckets.length - 1]
  if (!last || last.upper !== Number.POSITIVE_INFINITY) return { value: Number.NaN }
  const forced = straighten(buckets)
  return { value: interpolate(q, buckets), ...(forced && { forced }) }
}

function interpolate(q: number, buckets: Bucket[]): number {
  const last = buckets[buckets.length - 1]!
  if (buckets.length < 2 || last.count === 0 || Number.isNaN(last.count)) return Number.NaN
  const rank = q * last.count
  let at = buckets.findIndex((bucket) => bucket.count >= rank)
  if (at === -1) at = buckets.length - 1
  if (at === buckets.length - 1) return buckets[buckets.length - 2]!.upper
  if (at === 0 && buckets[0]!.upper <= 0) return buckets[0]!.upper
  const before = at > 0 ? buckets[at - 1]! : { upper: 0, count: 0 }
  const bucket = buckets[at]!
  return before.upper + (bucket.upper - before.upper) * ((rank - before.count) / (bucket.count - before.count))
}

/** Counts never fall towards higher bounds. Small differences are taken for rounding, others are told. */
function straighten(buckets: Bucket[]): Forced | undefined {
  let forced: Forced | undefined
  let previous = buckets[0]!.count
  for (let i = 1; i < buckets.length; i++) {
    const bucket = buckets[i]!
    if (bucket.count === previous) continue
    if (almostEqual(previous, bucket.count)) bucket.count = previous
    else if (bucket.count < previous) {
      forced ??= { minBucket: bucket.upper, maxBucket: bucket.upper, maxDifference: 0 }
      forced.minBucket = Math.min(forced.minBucket, bucket.upper)
      forced.maxBucket = Math.max(forced.maxBucket, bucket.upper)
      forced.maxDifference = Math.max(forced.maxDifference, previous - bucket.count)
      bucket.count = previous
    } else previous = bucket.count
  }
  return forced
}

function almostEqual(a: number, b: number): boolean {
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) && Number.isNaN(b)
  if (a === 0 || b === 0) return false
  return Math.abs(a - b) / Math.min(Math.abs(a) + Math.abs(b), Number.MAX_VALUE) < tolerance
}

export function bucketFraction(lower: number, upper: number, buckets: Bucket[]): number {
  const last = buckets[buckets.length - 1]
  if (!last || last.upper !== Number.POSITIVE_INFINITY) return Number.NaN
  straighten(buckets)
  const total = last.count
  if (total === 0 || Number.isNaN(total) || Number.isNaN(lower) || Number.isNaN(upper)) return Number.NaN
  if (lower >= upper) return 0
  const rankOf = (value: number): number => {
    let rank = 0
    for (const [i, bucket] of buckets.entries()) {
      const from = i > 0 ? buckets[i - 1]!.upper : bucket.upper > 0 ? 0 : Number.NEGATIVE_INFINITY
      if (from >= value) return rank
      if (bucket.upper > value)
        return rank + (bucket.count - rank) * linearShare({ lower: from, upper: bucket.upper }, value)
      rank = bucket.count
    }
    return total
  }
  return (Math.min(rankOf(upper), total) - Math.min(rankOf(lower), total)) / total
}
