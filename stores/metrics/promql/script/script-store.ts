// Holds what a script loads, and gives it back as Prometheus's storage would: histograms get their counter reset hints
// from their neighbours, as when they are read from a chunk.
import { customBucketsSchema, type FloatHistogram } from '#core/histogram.ts'
import { isStaleNaN, type Labels, type SeriesData } from '#core/sample.ts'
import type { SelectRequest } from '../../store.ts'
import { valueTest } from '../../tsdb/matchers.ts'
import { labelsKey } from '../eval/labels.ts'
import { sameBounds, withHint } from '../histogram/arithmetic.ts'
import { countsFell } from '../histogram/detect-reset.ts'
import { parseFloat64 } from '../numbers.ts'
import type { SeriesNotation } from './series-notation.ts'

type Value = number | FloatHistogram

interface Entry {
  labels: Labels
  samples: Map<number, Value>
  /** Since when a sample counts. */
  starts: Map<number, number>
  data: SeriesData | undefined
}

export class ScriptStore {
  readonly #series = new Map<string, Entry>()

  load(lines: SeriesNotation[], intervalMs: number, withCustomBuckets: boolean): void {
    const starts = new Map(lines.flatMap(({ labels, starts: own }) => (own ? [[labelsKey(labels), own] as const] : [])))
    for (const { labels, points } of lines) {
      const own = starts.get(labelsKey(labels))
      for (const [i, value] of points.entries()) {
        if (value === undefined) continue
        const offsetMs = own?.[i]
        const ms = i * intervalMs
        this.#add(labels, ms, value, offsetMs === undefined ? 0 : ms + offsetMs)
      }
    }
    if (withCustomBuckets)
      for (const { labels, ms, histogram } of converted(lines, intervalMs)) this.#add(labels, ms, histogram)
  }

  #add(labels: Labels, ms: number, value: Value, startMs = 0): void {
    const key = labelsKey(labels)
    const entry: Entry = this.#series.get(key) ?? { labels, samples: new Map(), starts: new Map(), data: undefined }
    this.#series.set(key, entry)
    entry.samples.set(ms, value)
    if (startMs !== 0) entry.starts.set(ms, startMs)
    entry.data = undefined
  }

  async select(request: SelectRequest): Promise<SeriesData[]> {
    const tests = request.matchers.map((matcher) => ({ name: matcher.name, holds: valueTest(matcher) }))
    const found: SeriesData[] = []
    for (const entry of this.#series.values()) {
      if (!tests.every(({ name, holds }) => holds(entry.labels[name] ?? ''))) continue
      entry.data ??= dataOf(entry)
      const { timestampsMs, values, startsMs, histograms, labels } = entry.data
      const from = timestampsMs.findIndex((ms) => ms >= request.fromMs)
      if (from === -1) continue
      let to = timestampsMs.length
      while (to > from && timestampsMs[to - 1]! > request.toMs) to--
      if (to === from) continue
      found.push({
        labels,
        timestampsMs: timestampsMs.subarray(from, to),
        values: values.subarray(from, to),
        ...(startsMs && { startsMs: startsMs.subarray(from, to) }),
        ...(histograms && { histograms: histograms.slice(from, to) }),
      })
    }
    return found
  }
}

function dataOf({ labels, samples, starts }: Entry): SeriesData {
  const times = [...samples.keys()].sort((a, b) => a - b)
  // Begun with something that is no number: V8 loses the bits of the stale marker when an array of numbers holds it.
  const values: Value[] = [undefined as unknown as Value]
  for (const [i, ms] of times.entries()) values[i] = samples.get(ms)!
  const data: SeriesData = {
    labels,
    timestampsMs: Float64Array.from(times),
    values: Float64Array.from(values, (value) => (typeof value === 'number' ? value : 0)),
  }
  if (starts.size > 0) data.startsMs = Float64Array.from(times, (ms) => starts.get(ms) ?? 0)
  if (values.some((value) => typeof value !== 'number')) data.histograms = hinted(values)
  return data
}

function hinted(values: Value[]): (FloatHistogram | undefined)[] {
  let previous: FloatHistogram | undefined
  return values.map((value) => {
    if (typeof value === 'number') {
      // A float, or a stale marker, begins something new.
      if (!isStaleNaN(value) || previous) previous = undefined
      return undefined
    }
    const before = previous
    previous = value
    if (value.counterResetHint === 'gauge' || value.counterResetHint === 'reset') return value
    if (!before || before.counterResetHint === 'gauge') return withHint(value, 'unknown')
    const sameLayout = before.schema === value.schema && before.zeroThreshold === value.zeroThreshold
    const otherBounds =
      sameLayout && value.schema === customBucketsSchema && !sameBounds(before.customValues, value.customValues)
    // A reset begins a chunk, and Prometheus gives the first histogram of a chunk as of unknown neighbours.
    if (otherBounds || !sameLayout || countsFell(value, before)) return withHint(value, 'unknown')
    return withHint(value, 'not-reset')
  })
}

/** Classic histograms as native ones with custom buckets, under the name without suffix. */
function converted(
  lines: SeriesNotation[],
  intervalMs: number,
): { labels: Labels; ms: number; histogram: FloatHistogram }[] {
  interface Classic {
    buckets: Map<number, number>
    count: number | undefined
    sum: number
  }
  const found = new Map<string, { labels: Labels; byTime: Map<number, Classic> }>()
  for (const { labels, points } of lines) {
    const match = /^(.*)_(bucket|count|sum)$/.exec(labels['__name__'] ?? '')
    if (!match) continue
    const { le, ...rest } = labels
    const upper = match[2] === 'bucket' ? parseFloat64(le ?? '') : undefined
    if (match[2] === 'bucket' && upper === undefined) continue
    const own = { ...rest, __name__: match[1]! }
    const key = labelsKey(own)
    const entry = found.get(key) ?? { labels: own, byTime: new Map<number, Classic>() }
    found.set(key, entry)
    for (const [i, value] of points.entries()) {
      if (typeof value !== 'number' || isStaleNaN(value)) continue
      const one = entry.byTime.get(i * intervalMs) ?? { buckets: new Map<number, number>(), count: undefined, sum: 0 }
      entry.byTime.set(i * intervalMs, one)
      if (upper !== undefined) one.buckets.set(upper, value)
      else if (match[2] === 'count') one.count = value
      else one.sum = value
    }
  }
  const result: { labels: Labels; ms: number; histogram: FloatHistogram }[] = []
  for (const { labels, byTime } of found.values()) {
    for (const [ms, { buckets, count, sum }] of byTime) {
      if (buckets.size === 0) continue
      const bounds = [...buckets.keys()].sort((a, b) => a - b)
      const total = count ?? buckets.get(bounds[bounds.length - 1]!)!
      const finite = bounds.filter((bound) => bound !== Number.POSITIVE_INFINITY)
      const cumulative = [...finite.map((bound) => buckets.get(bound)!), total]
      if (cumulative.some((value, i) => i > 0 && value < cumulative[i - 1]!)) continue
      result.push({
        labels,
        ms,
        histogram: {
          schema: customBucketsSchema,
          counterResetHint: 'unknown',
          zeroThreshold: 0,
          zeroCount: 0,
          count: total,
          sum,
          positiveSpans: [{ offset: 0, length: cumulative.length }],
          positiveBuckets: Float64Array.from(cumulative, (value, i) => value - (i > 0 ? cumulative[i - 1]! : 0)),
          negativeSpans: [],
          negativeBuckets: new Float64Array(0),
          customValues: finite,
        },
      })
    }
  }
  return result
}
