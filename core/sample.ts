// Metrics in Prometheus's words.
import type { FloatHistogram } from './histogram.ts'

/** Label names to values, `__name__` included. Valid UTF-8, no empty values. */
export type Labels = Record<string, string>

/** One series with its samples, oldest first. Arrays have equal length. */
export interface SeriesData {
  labels: Labels
  timestampsMs: Float64Array
  values: Float64Array
  /** Set for a series with native histograms: where an entry is set, it is the sample and `values` there means nothing. */
  histograms?: (FloatHistogram | undefined)[]
  /** Since when each float counts, ms since the epoch, where that is known; 0: it is not. */
  startsMs?: Float64Array
}

/** A trace that stands for a sample: its id in the labels, the value that was observed. */
export interface Exemplar {
  labels: Labels
  value: number
  /** ms since the epoch. */
  timestampMs: number
}

/** One sample as a collector reports it. */
export interface Sample {
  labels: Labels
  /** ms since the epoch. */
  timestampMs: number
  value: number
  /** Set for a native histogram: `value` means nothing then. */
  histogram?: FloatHistogram
  exemplars?: readonly Exemplar[]
}

/** In the order of `prometheus.MetricMetadata.MetricType` (prompb/types.proto), by whose numbers they travel. */
export const metricTypes = [
  'unknown',
  'counter',
  'gauge',
  'histogram',
  'gaugehistogram',
  'summary',
  'info',
  'stateset',
] as const
export type MetricType = (typeof metricTypes)[number]

export interface MetricMetadata {
  family: string
  type: MetricType
  help: string
  unit: string
}

/**
 * The payload of a record on the `samples` topic: an uncompressed `prometheus.WriteRequest` (remote write 1.0,
 * prometheus/prompb/remote.proto). The field's own format: remote write passes through without re-encoding, and
 * another consumer of the topic can read it with any Prometheus library.
 */
export type WriteRequestBytes = Uint8Array

/** Prometheus's stale marker: a NaN with this bit pattern (model/value/value.go). */
export const staleNaNBits = 0x7ff0000000000002n

const probe = new Float64Array(1)
const probeBits = new Uint32Array(probe.buffer)

/**
 * The marker as a number. Prometheus's bit pattern is a signalling NaN, which the processor turns quiet as soon as
 * JavaScript touches it; inside we carry the quiet twin and write Prometheus's own bits at the wire.
 */
export const staleNaN: number = staleMarker()

function staleMarker(): number {
  probeBits[0] = 2
  probeBits[1] = 0x7ff80000
  return probe[0]!
}

/** True for the marker in either form; false for every other NaN. */
export function isStaleNaN(value: number): boolean {
  if (!Number.isNaN(value)) return false
  probe[0] = value
  return probeBits[0] === 2 && (probeBits[1]! | 0x80000) >>> 0 === 0x7ff80000
}
