// Series whose every sample follows from series and step: what a store has can be checked without remembering what was
// sent. Four kinds: a counter, a gauge of odd values, integer histograms, histograms with bounds of their own.
import type { Writer } from 'protobufjs'
import type { FloatHistogram } from '#core/histogram.ts'
import { histogramBytes } from '#core/histogram-protobuf.ts'
import { isStaleNaN, type Labels, staleNaN, staleNaNBits } from '#core/sample.ts'

export const stepMs = 250
const kinds = ['counter_total', 'gauge', 'integer_seconds', 'bounds_seconds'] as const
const oddValues = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 5e-324, 1.7e308, 0.1 + 0.2]

export function labelsOf(series: number): Labels {
  return { __name__: `crash_${kinds[series % 4]!}`, job: 'crash', series: String(series) }
}

export function seriesOf(labels: Labels): number {
  return Number(labels['series'])
}

/** What the store must give for it. */
export function sampleAt(series: number, step: number): number | FloatHistogram {
  if (step % 47 === 13) return staleNaN
  const noise = hash(series, step)
  if (series % 4 === 0) return step * 3 + (noise % 3)
  if (series % 4 === 1) return noise % 11 < oddValues.length ? oddValues[noise % 11]! : noise / 7
  const buckets = Float64Array.of(step, noise % 5, step * 2)
  const count = buckets.reduce((sum, one) => sum + one, 0)
  const common = { counterResetHint: 'unknown', negativeSpans: [], negativeBuckets: new Float64Array(0) } as const
  if (series % 4 === 2)
    return {
      ...{ ...common, schema: 3, zeroThreshold: 1e-128, zeroCount: 2, count: count + 2, sum: noise / 3 },
      // The layout changes now and then, as it does when a service sees values it never saw.
      positiveSpans: [
        { offset: step % 100 < 50 ? -2 : 4, length: 2 },
        { offset: 3, length: 1 },
      ],
      positiveBuckets: buckets,
      customValues: [],
    }
  return {
    ...{ ...common, schema: -53, zeroThreshold: 0, zeroCount: 0, count, sum: noise / 3 },
    positiveSpans: [{ offset: 0, length: 3 }],
    positiveBuckets: buckets,
    customValues: [0.1, 0.5],
  }
}

/** One time series of a `prometheus.WriteRequest`, in the order given. */
export function writeSeries(writer: Writer, series: number, steps: readonly number[], baseMs: number): void {
  writer.uint32(0x0a).fork()
  for (const [name, value] of Object.entries(labelsOf(series)))
    writer.uint32(0x0a).fork().uint32(0x0a).string(name).uint32(0x12).string(value).ldelim()
  for (const step of steps) {
    const timestampMs = baseMs + step * stepMs
    const sample = sampleAt(series, step)
    if (series % 4 < 2) {
      writer.uint32(0x12).fork().uint32(0x09)
      writeDouble(writer, sample as number)
      writer.uint32(0x10).int64(timestampMs).ldelim()
    } else if (typeof sample === 'number') {
      // A histogram's stale marker is one whose sum is the marker.
      writer.uint32(0x22).fork().uint32(0x08).uint64(0).uint32(0x19)
      writeDouble(writer, sample)
      writer.uint32(0x78).int64(timestampMs).ldelim()
    } else if (series % 4 === 2) writeInteger(writer, sample, timestampMs)
    else writer.uint32(0x22).bytes(histogramBytes({ timestampMs, histogram: sample }))
  }
  writer.ldelim()
}

/** As Prometheus sends them: whole counts, each bucket as the difference to the one before. */
function writeInteger(writer: Writer, histogram: FloatHistogram, timestampMs: number): void {
  writer.uint32(0x22).fork()
  writer.uint32(0x08).uint64(histogram.count).uint32(0x19).double(histogram.sum)
  writer.uint32(0x20).sint32(histogram.schema).uint32(0x29).double(histogram.zeroThreshold)
  writer.uint32(0x30).uint64(histogram.zeroCount)
  for (const { offset, length } of histogram.positiveSpans)
    writer.uint32(0x5a).fork().uint32(0x08).sint32(offset).uint32(0x10).uint32(length).ldelim()
  writer.uint32(0x62).fork()
  let before = 0
  for (const count of histogram.positiveBuckets) {
    writer.sint64(count - before)
    before = count
  }
  writer.ldelim().uint32(0x78).int64(timestampMs).ldelim()
}

function writeDouble(writer: Writer, value: number): void {
  if (isStaleNaN(value)) writer.fixed64(staleNaNBits.toString())
  else writer.double(value)
}

export function isSame(a: number | FloatHistogram, b: number | FloatHistogram): boolean {
  if (typeof a === 'number' || typeof b === 'number')
    return typeof a === typeof b && Object.is(a, b) && isStaleNaN(a as number) === isStaleNaN(b as number)
  return Buffer.compare(bytesOf(a), bytesOf(b)) === 0
}

function bytesOf(histogram: FloatHistogram): Uint8Array {
  return histogramBytes({ timestampMs: 0, histogram: { ...histogram, counterResetHint: 'unknown' } })
}

function hash(series: number, step: number): number {
  let mixed = Math.imul(series + 1, 0x9e3779b1) ^ Math.imul(step + 1, 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b)
  return (mixed ^ (mixed >>> 13)) >>> 0
}
