// Where buckets begin and end. Prometheus: model/histogram/generic.go, `getBound`.
import type { FloatHistogram } from '#core/histogram.ts'
import { fractions } from './fractions.ts'
import { type Sparse, toSparse, usesCustomBuckets } from './sparse.ts'

export interface Bucket {
  lower: number
  upper: number
  lowerInclusive: boolean
  upperInclusive: boolean
  count: number
}

/** Upper bound of bucket `index`: 2^(index · 2^−schema), the largest number where that would be infinite. */
export function exponentialBound(index: number, schema: number): number {
  if (index === 1024 * 2 ** schema) return Number.MAX_VALUE
  if (schema <= 0 || schema > 8) return 2 ** (index * 2 ** -schema)
  const fraction = fractions[(index & ((1 << schema) - 1)) << (8 - schema)]!
  // In two steps, for either alone may be out of range.
  const exponent = (index >> schema) + 1
  const half = exponent >> 1
  return fraction * 2 ** half * 2 ** (exponent - half)
}

export function customBound(index: number, bounds: readonly number[]): number {
  if (index < 0) return Number.NEGATIVE_INFINITY
  return index < bounds.length ? bounds[index]! : Number.POSITIVE_INFINITY
}

/** From zero outwards. */
export function positiveBuckets(h: FloatHistogram): Bucket[] {
  return bucketsOf(h, toSparse(h.positiveSpans, h.positiveBuckets), true)
}

export function negativeBuckets(h: FloatHistogram): Bucket[] {
  return bucketsOf(h, toSparse(h.negativeSpans, h.negativeBuckets), false)
}

function bucketsOf(h: FloatHistogram, { indexes, counts }: Sparse, positive: boolean): Bucket[] {
  const custom = usesCustomBuckets(h)
  return indexes.map((index, i) => {
    const inner = custom ? customBound(index - 1, h.customValues) : exponentialBound(index - 1, h.schema)
    const outer = custom ? customBound(index, h.customValues) : exponentialBound(index, h.schema)
    const count = counts[i]!
    if (positive)
      return { lower: inner, upper: outer, lowerInclusive: custom && inner === -Infinity, upperInclusive: true, count }
    return { lower: -outer, upper: -inner, lowerInclusive: true, upperInclusive: false, count }
  })
}

/** Negative, zero and positive buckets, ascending; a bucket that overlaps the zero bucket ends at its threshold. */
export function allBuckets(h: FloatHistogram): Bucket[] {
  const negative = negativeBuckets(h).reverse()
  const positive = positiveBuckets(h)
  if (usesCustomBuckets(h)) return positive
  const threshold = h.zeroThreshold
  for (const bucket of negative) if (bucket.upper > -threshold) bucket.upper = -threshold
  for (const bucket of positive) if (bucket.lower < threshold) bucket.lower = threshold
  const zero: Bucket[] =
    h.zeroCount > 0
      ? [{ lower: -threshold, upper: threshold, lowerInclusive: true, upperInclusive: true, count: h.zeroCount }]
      : []
  return [...negative, ...zero, ...positive]
}
