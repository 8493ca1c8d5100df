// Adding, subtracting and scaling native histograms. Prometheus: model/histogram/float_histogram.go. Pure: arguments
// are never changed, results are compact (no empty buckets).
import type { CounterResetHint, FloatHistogram } from '#core/histogram.ts'
import { customBound, exponentialBound } from './bounds.ts'
import { addSparse, fromSparse, reduceResolution, regroup, type Sparse, toSparse, usesCustomBuckets } from './sparse.ts'

/** Exponential and custom buckets have nothing in common. */
export class IncompatibleHistograms extends Error {}

export interface Combined {
  histogram: FloatHistogram
  /** One says a reset came before it, the other that none did. */
  resetCollision: boolean
  /** Custom bounds differed: the result has those that both have. */
  reconciled: boolean
}

interface Loose {
  schema: number
  zeroThreshold: number
  zeroCount: number
  positive: Sparse
  negative: Sparse
  customValues: readonly number[]
}

const emptySparse = (): Sparse => ({ indexes: [], counts: [] })

function loosen(h: FloatHistogram): Loose {
  return {
    schema: h.schema,
    zeroThreshold: h.zeroThreshold,
    zeroCount: h.zeroCount,
    positive: toSparse(h.positiveSpans, h.positiveBuckets),
    negative: toSparse(h.negativeSpans, h.negativeBuckets),
    customValues: h.customValues,
  }
}

/** @throws IncompatibleHistograms */
export function combine(a: FloatHistogram, b: FloatHistogram, sign: 1 | -1): Combined {
  const [left, right, reconciled] = alike(a, b)
  const { hint, collision } = mergedHint(a.counterResetHint, b.counterResetHint)
  return {
    histogram: tighten(
      left,
      left.zeroCount + sign * right.zeroCount,
      addSparse(left.positive, right.positive, sign),
      addSparse(left.negative, right.negative, sign),
      a.count + sign * b.count,
      a.sum + sign * b.sum,
      hint,
    ),
    resetCollision: collision,
    reconciled,
  }
}

function tighten(
  layout: Loose,
  zeroCount: number,
  positive: Sparse,
  negative: Sparse,
  count: number,
  sum: number,
  counterResetHint: CounterResetHint,
): FloatHistogram {
  const above = fromSparse(positive)
  const below = fromSparse(negative)
  return {
    schema: layout.schema,
    counterResetHint,
    zeroThreshold: layout.zeroThreshold,
    zeroCount,
    count,
    sum,
    positiveSpans: above.spans,
    positiveBuckets: above.buckets,
    negativeSpans: below.spans,
    negativeBuckets: below.buckets,
    customValues: layout.customValues,
  }
}

/** Both brought to one layout: the wider zero bucket, the lower resolution, the bounds in common. */
export function alike(a: FloatHistogram, b: FloatHistogram): [Loose, Loose, boolean] {
  const left = loosen(a)
  const right = loosen(b)
  if (usesCustomBuckets(a) !== usesCustomBuckets(b)) throw new IncompatibleHistograms()
  if (usesCustomBuckets(a)) {
    if (sameBounds(a.customValues, b.customValues)) return [left, right, false]
    const common = commonBounds(a.customValues, b.customValues)
    for (const side of [left, right]) {
      side.positive = ontoBounds(side.positive, side.customValues, common)
      side.customValues = common
    }
    return [left, right, true]
  }
  while (left.zeroThreshold !== right.zeroThreshold) {
    if (left.zeroThreshold > right.zeroThreshold) widenZero(right, left.zeroThreshold)
    else widenZero(left, right.zeroThreshold)
  }
  const schema = Math.min(left.schema, right.schema)
  for (const side of [left, right]) {
    side.positive = reduceResolution(side.positive, side.schema, schema)
    side.negative = reduceResolution(side.negative, side.schema, schema)
    side.schema = schema
  }
  return [left, right, false]
}

/** Buckets inside the new threshold join the zero bucket; one that is cut and has observations widens it further. */
export function widenZero(side: Loose, threshold: number): void {
  let wide = threshold
  for (;;) {
    let zeroCount = side.zeroCount
    let grown = wide
    for (const half of [side.positive, side.negative]) {
      for (let i = 0; i < half.indexes.length; i++) {
        if (exponentialBound(half.indexes[i]! - 1, side.schema) >= wide) break
        zeroCount += half.counts[i]!
        const upper = exponentialBound(half.indexes[i]!, side.schema)
        if (upper > wide) {
          if (half.counts[i] !== 0) grown = Math.max(grown, upper)
          break
        }
      }
    }
    if (grown === wide) {
      side.zeroCount = zeroCount
      side.zeroThreshold = wide
      side.positive = outside(side.positive, side.schema, wide)
      side.negative = outside(side.negative, side.schema, wide)
      return
    }
    wide = grown
  }
}

function outside(half: Sparse, schema: number, threshold: number): Sparse {
  const kept = emptySparse()
  for (let i = 0; i < half.indexes.length; i++) {
    if (exponentialBound(half.indexes[i]!, schema) <= threshold) continue
    if (half.counts[i] === 0 && exponentialBound(half.indexes[i]! - 1, schema) < threshold) continue
    kept.indexes.push(half.indexes[i]!)
    kept.counts.push(half.counts[i]!)
  }
  return kept
}

export function sameBounds(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((bound, i) => bound === b[i])
}

export function commonBounds(a: readonly number[], b: readonly number[]): number[] {
  const other = new Set(b)
  return a.filter((bound) => other.has(bound))
}

/** Each bucket goes to the first of the common bounds that is not below its own. */
export function ontoBounds(half: Sparse, own: readonly number[], common: readonly number[]): Sparse {
  return regroup(half, (index) => {
    const upper = customBound(index, own)
    const at = common.findIndex((bound) => bound >= upper)
    return at === -1 ? common.length : at
  })
}

function mergedHint(a: CounterResetHint, b: CounterResetHint): { hint: CounterResetHint; collision: boolean } {
  if (a === b) return { hint: a, collision: false }
  if (a === 'gauge' || b === 'gauge') return { hint: 'gauge', collision: false }
  if (a === 'unknown' || b === 'unknown') return { hint: 'unknown', collision: false }
  return { hint: 'unknown', collision: true }
}

export function compact(h: FloatHistogram): FloatHistogram {
  return tighten(
    h as unknown as Loose,
    h.zeroCount,
    toSparse(h.positiveSpans, h.positiveBuckets),
    toSparse(h.negativeSpans, h.negativeBuckets),
    h.count,
    h.sum,
    h.counterResetHint,
  )
}

export function scale(h: FloatHistogram, factor: number): FloatHistogram {
  return {
    ...h,
    counterResetHint: factor < 0 ? 'gauge' : h.counterResetHint,
    zeroCount: h.zeroCount * factor,
    count: h.count * factor,
    sum: h.sum * factor,
    positiveBuckets: h.positiveBuckets.map((count) => count * factor),
    negativeBuckets: h.negativeBuckets.map((count) => count * factor),
  }
}

/** Division by zero takes the buckets away and leaves infinities. */
export function divide(h: FloatHistogram, divisor: number): FloatHistogram {
  const none = divisor === 0
  return {
    ...h,
    counterResetHint: divisor < 0 ? 'gauge' : h.counterResetHint,
    zeroCount: h.zeroCount / divisor,
    count: h.count / divisor,
    sum: h.sum / divisor,
    positiveSpans: none ? [] : h.positiveSpans,
    positiveBuckets: none ? new Float64Array(0) : h.positiveBuckets.map((count) => count / divisor),
    negativeSpans: none ? [] : h.negativeSpans,
    negativeBuckets: none ? new Float64Array(0) : h.negativeBuckets.map((count) => count / divisor),
  }
}

export function withHint(h: FloatHistogram, counterResetHint: CounterResetHint): FloatHistogram {
  return h.counterResetHint === counterResetHint ? h : { ...h, counterResetHint }
}

/** Same layout and the same counts, empty buckets included. NaN equals itself. */
export function equal(a: FloatHistogram, b: FloatHistogram): boolean {
  return (
    a.schema === b.schema &&
    Object.is(a.count, b.count) &&
    Object.is(a.sum, b.sum) &&
    a.zeroThreshold === b.zeroThreshold &&
    Object.is(a.zeroCount, b.zeroCount) &&
    sameBounds(usesCustomBuckets(a) ? a.customValues : [], usesCustomBuckets(b) ? b.customValues : []) &&
    sameHalf(toSparse(a.positiveSpans, a.positiveBuckets), toSparse(b.positiveSpans, b.positiveBuckets)) &&
    sameHalf(toSparse(a.negativeSpans, a.negativeBuckets), toSparse(b.negativeSpans, b.negativeBuckets))
  )
}

function sameHalf(a: Sparse, b: Sparse): boolean {
  return (
    a.indexes.length === b.indexes.length &&
    a.indexes.every((index, i) => index === b.indexes[i] && Object.is(a.counts[i], b.counts[i]))
  )
}
