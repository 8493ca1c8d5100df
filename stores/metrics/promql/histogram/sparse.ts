// Bucket counts as two parallel lists, indexes ascending: the form in which histograms are added and compared.
import { customBucketsSchema, type FloatHistogram, type HistogramSpan } from '#core/histogram.ts'

export interface Sparse {
  indexes: number[]
  counts: number[]
}

export function toSparse(spans: readonly HistogramSpan[], buckets: ArrayLike<number>): Sparse {
  const indexes: number[] = []
  const counts: number[] = []
  let index = 0
  let bucket = 0
  for (const span of spans) {
    index += span.offset
    for (let i = 0; i < span.length; i++) {
      indexes.push(index++)
      counts.push(buckets[bucket++]!)
    }
  }
  return { indexes, counts }
}

/** Back to spans; buckets with nothing in them are left out, as Prometheus's Compact(0) does. */
export function fromSparse({ indexes, counts }: Sparse): { spans: HistogramSpan[]; buckets: Float64Array } {
  const spans: HistogramSpan[] = []
  const buckets: number[] = []
  let next = 0
  for (let i = 0; i < indexes.length; i++) {
    if (counts[i] === 0) continue
    const index = indexes[i]!
    const last = spans[spans.length - 1]
    if (last && index === next) last.length++
    else spans.push({ offset: last ? index - next : index, length: 1 })
    buckets.push(counts[i]!)
    next = index + 1
  }
  return { spans, buckets: Float64Array.from(buckets) }
}

/** `b` times `sign` added to `a`. */
export function addSparse(a: Sparse, b: Sparse, sign: 1 | -1): Sparse {
  const indexes: number[] = []
  const counts: number[] = []
  let i = 0
  let j = 0
  while (i < a.indexes.length || j < b.indexes.length) {
    const left = i < a.indexes.length ? a.indexes[i]! : Number.POSITIVE_INFINITY
    const right = j < b.indexes.length ? b.indexes[j]! : Number.POSITIVE_INFINITY
    if (left < right) {
      indexes.push(left)
      counts.push(a.counts[i++]!)
    } else if (right < left) {
      indexes.push(right)
      counts.push(sign * b.counts[j++]!)
    } else {
      indexes.push(left)
      counts.push(a.counts[i++]! + sign * b.counts[j++]!)
    }
  }
  return { indexes, counts }
}

/** Moves every bucket to `target(index)`, which must not fall; counts that meet are added. */
export function regroup(sparse: Sparse, target: (index: number) => number): Sparse {
  const indexes: number[] = []
  const counts: number[] = []
  for (let i = 0; i < sparse.indexes.length; i++) {
    const index = target(sparse.indexes[i]!)
    if (indexes.length > 0 && indexes[indexes.length - 1] === index) counts[counts.length - 1]! += sparse.counts[i]!
    else {
      indexes.push(index)
      counts.push(sparse.counts[i]!)
    }
  }
  return { indexes, counts }
}

/** A lower resolution: every step of the schema halves the number of buckets. */
export function reduceResolution(sparse: Sparse, from: number, to: number): Sparse {
  if (from === to) return sparse
  const shift = from - to
  return regroup(sparse, (index) => ((index - 1) >> shift) + 1)
}

export const usesCustomBuckets = (h: FloatHistogram): boolean => h.schema === customBucketsSchema
