// A native histogram as text and as the JSON of the query API.
import type { FloatHistogram } from '#core/histogram.ts'
import { formatGeneral, formatValue } from '../numbers.ts'
import { allBuckets, type Bucket } from './bounds.ts'

/** Prometheus's `{count:…, sum:…, (1,2]:3}`. */
export function histogramText(h: FloatHistogram): string {
  let text = `{count:${formatGeneral(h.count)}, sum:${formatGeneral(h.sum)}`
  for (const bucket of allBuckets(h)) if (bucket.count !== 0) text += `, ${bucketText(bucket)}`
  return `${text}}`
}

function bucketText({ lower, upper, lowerInclusive, upperInclusive, count }: Bucket): string {
  return `${lowerInclusive ? '[' : '('}${formatGeneral(lower)},${formatGeneral(upper)}${upperInclusive ? ']' : ')'}:${formatGeneral(count)}`
}

export interface HistogramJson {
  count: string
  sum: string
  /** Bounds rule (0: open left, 1: open right, 2: open both, 3: closed both), lower, upper, count. */
  buckets?: [number, string, string, string][]
}

/** As the HTTP API renders it. */
export function histogramJson(h: FloatHistogram): HistogramJson {
  const buckets = allBuckets(h).filter((bucket) => bucket.count !== 0)
  const json: HistogramJson = { count: formatValue(h.count), sum: formatValue(h.sum) }
  if (buckets.length > 0)
    json.buckets = buckets.map(({ lower, upper, lowerInclusive, upperInclusive, count }) => {
      const rule = lowerInclusive ? (upperInclusive ? 3 : 1) : upperInclusive ? 0 : 2
      return [rule, formatValue(lower), formatValue(upper), formatValue(count)]
    })
  return json
}
