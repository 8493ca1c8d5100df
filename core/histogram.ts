// Native histograms in Prometheus's words (model/histogram/float_histogram.go): exponential buckets, or custom bounds.

export interface HistogramSpan {
  /** Gap to the span before it, in buckets; of the first span, the index of its first bucket. */
  offset: number
  length: number
}

/** `reset`: a counter reset happened before it; `gauge`: resets mean nothing. */
export type CounterResetHint = 'unknown' | 'reset' | 'not-reset' | 'gauge'

/** Counts are absolute, not deltas. Spans and buckets agree in length. */
export interface FloatHistogram {
  /** -4 to 8: buckets grow by 2^(2^-schema); -53: the bounds are `customValues`. */
  schema: number
  counterResetHint: CounterResetHint
  /** Values within ±zeroThreshold are in the zero bucket. */
  zeroThreshold: number
  zeroCount: number
  count: number
  sum: number
  positiveSpans: readonly HistogramSpan[]
  positiveBuckets: Float64Array
  negativeSpans: readonly HistogramSpan[]
  negativeBuckets: Float64Array
  /** Upper bounds, ascending, without +Inf. Empty unless schema is -53. */
  customValues: readonly number[]
}

export const customBucketsSchema = -53
