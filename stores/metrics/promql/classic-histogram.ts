// Quantiles from cumulative buckets with a label `le`. Prometheus: promql/quantile.go, `bucketQuantile`.
import { emptySeries, labelsKey, type StepSeries, without } from './series.ts'

interface Bucket {
  upper: number
  series: StepSeries
}

export function histogramQuantile(q: Float64Array, input: StepSeries[], count: number): StepSeries[] {
  const groups = new Map<string, { labels: Record<string, string>; buckets: Bucket[] }>()
  for (const series of input) {
    const upper = bound(series.labels['le'])
    if (upper === undefined) continue
    const labels = without(series.labels, ['le', '__name__'])
    const key = labelsKey(labels)
    const group = groups.get(key) ?? { labels, buckets: [] }
    groups.set(key, group)
    group.buckets.push({ upper, series })
  }
  return [...groups.values()].map(({ labels, buckets }) => {
    buckets.sort((a, b) => a.upper - b.upper)
    const result = emptySeries(labels, count)
    for (let step = 0; step < count; step++) {
      const there = buckets.filter(({ series }) => series.present[step] === 1)
      if (there.length === 0) continue
      result.present[step] = 1
      result.values[step] = bucketQuantile(
        q[step]!,
        there.map(({ upper, series }) => ({ upper, count: series.values[step]! })),
      )
    }
    return result
  })
}

function bound(le: string | undefined): number | undefined {
  if (le === undefined) return undefined
  if (le === '+Inf' || le === 'Inf') return Number.POSITIVE_INFINITY
  if (le === '-Inf') return Number.NEGATIVE_INFINITY
  const value = Number(le)
  return le.trim() === '' || Number.isNaN(value) ? undefined : value
}

function bucketQuantile(q: number, unmerged: { upper: number; count: number }[]): number {
  if (Number.isNaN(q)) return Number.NaN
  if (q < 0) return Number.NEGATIVE_INFINITY
  if (q > 1) return Number.POSITIVE_INFINITY
  const buckets = coalesce(unmerged)
  const last = buckets[buckets.length - 1]!
  if (last.upper !== Number.POSITIVE_INFINITY || buckets.length < 2) return Number.NaN
  // Scrapes race with observations, so counts may fall: a bucket holds at least what the one below holds.
  for (let i = 1; i < buckets.length; i++)
    if (buckets[i]!.count < buckets[i - 1]!.count) buckets[i]!.count = buckets[i - 1]!.count
  if (last.count === 0 || Number.isNaN(last.count)) return Number.NaN
  const rank = q * last.count
  const at = buckets.findIndex(({ count }, i) => i === buckets.length - 1 || count >= rank)
  if (at === buckets.length - 1) return buckets[buckets.length - 2]!.upper
  const bucket = buckets[at]!
  if (at === 0 && bucket.upper <= 0) return bucket.upper
  const lower = at === 0 ? 0 : buckets[at - 1]!.upper
  const below = at === 0 ? 0 : buckets[at - 1]!.count
  return lower + (bucket.upper - lower) * ((rank - below) / (bucket.count - below))
}

function coalesce(buckets: { upper: number; count: number }[]): { upper: number; count: number }[] {
  const merged: { upper: number; count: number }[] = []
  for (const bucket of buckets) {
    const before = merged[merged.length - 1]
    if (before?.upper === bucket.upper) before.count += bucket.count
    else merged.push({ ...bucket })
  }
  return merged
}
