// OTLP metrics as Prometheus series, by the rules that collectors share:
// https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/
import { histogramBucketsMax } from '#core/histogram-protobuf.ts'
import {
  type Exemplar,
  type Labels,
  type MetricMetadata,
  type MetricType,
  type Sample,
  staleNaN,
} from '#core/sample.ts'
import type { Additions } from './accumulator.ts'
import { byBucket, exemplarsOf } from './exemplars.ts'
import { type Exponential, nativeOf, readExponential } from './exponential.ts'
import { labelName, labelValue, metricName } from './names.ts'
import type { Message } from './protobuf.ts'
import { attributesOf, listOf, nanosToMs, numberOf, objectOf } from './values.ts'

export interface DecodedMetrics {
  samples: Sample[]
  metadata: MetricMetadata[]
  /** Data points that could not be kept, by reason. */
  refused: Record<string, number>
  points: number
}

/** Of deltas so far. */
export interface Totals {
  numbers: Additions<number>
  histograms: Additions<Exponential>
}

export const kinds = ['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'] as const
type Kind = (typeof kinds)[number]

const delta = 1
/** DataPointFlags: no value was recorded; Prometheus says it with a stale marker. */
const noRecordedValue = 1

export function decodeMetrics(
  request: Message,
  totals: Totals,
  { nowMs, samplesMax }: { nowMs: number; samplesMax: number },
): DecodedMetrics {
  const out: DecodedMetrics = { samples: [], metadata: [], refused: {}, points: 0 }
  for (const one of listOf(request['resourceMetrics'])) {
    const resourceMetrics = objectOf(one)
    const resource = attributesOf(objectOf(resourceMetrics['resource'])['attributes'])
    const identity = identityOf(resource)
    let latestMs = 0
    for (const scoped of listOf(resourceMetrics['scopeMetrics']))
      for (const metric of listOf(objectOf(scoped)['metrics'])) {
        const before = out.samples.length
        decodeMetric(objectOf(metric), identity, totals, { nowMs, samplesMax }, out)
        const last = out.samples.at(-1)
        if (out.samples.length > before && last) latestMs = Math.max(latestMs, last.timestampMs)
      }
    if (latestMs > 0 && Object.keys(identity).length > 0) addTargetInfo(resource, identity, latestMs, out)
  }
  return out
}

/** `job` is namespace/name, `instance` the instance's id. */
function identityOf(resource: Record<string, unknown>): Labels {
  const name = resource['service.name']
  const namespace = resource['service.namespace']
  const labels: Labels = {}
  if (typeof name === 'string' && name !== '')
    labels['job'] = typeof namespace === 'string' && namespace !== '' ? `${namespace}/${name}` : name
  const instance = resource['service.instance.id'] ?? resource['host.name']
  if (instance !== undefined && String(instance) !== '') labels['instance'] = String(instance)
  return labels
}

function addTargetInfo(
  resource: Record<string, unknown>,
  identity: Labels,
  timestampMs: number,
  out: DecodedMetrics,
): void {
  const labels = labelsOf(resource, identity)
  if (Object.keys(labels).length <= Object.keys(identity).length) return
  out.samples.push({ labels: { ...labels, __name__: 'target_info' }, timestampMs, value: 1 })
}

function decodeMetric(
  metric: Message,
  identity: Labels,
  totals: Totals,
  { nowMs, samplesMax }: { nowMs: number; samplesMax: number },
  out: DecodedMetrics,
): void {
  const rawName = String(metric['name'] ?? '')
  const kind = kinds.find((one) => metric[one] !== undefined)
  if (rawName === '' || !kind) return
  const data = objectOf(metric[kind])
  const points = listOf(data['dataPoints']).map(objectOf)
  out.points += points.length
  const isDelta = temporalityOf(data['aggregationTemporality']) === delta
  const isMonotonic = data['isMonotonic'] === true
  const unit = String(metric['unit'] ?? '')
  const isCounter = kind === 'sum' && isMonotonic
  const name = metricName(rawName, unit, isCounter, kind === 'gauge')
  const type: MetricType = isCounter
    ? 'counter'
    : kind === 'summary'
      ? 'summary'
      : kind === 'gauge' || kind === 'sum'
        ? 'gauge'
        : 'histogram'
  out.metadata.push({ family: name, type, help: String(metric['description'] ?? ''), unit })
  const context: Context = {
    ...{ name, kind, totals, out, isCounter },
    accumulates: isDelta && (kind !== 'sum' || isMonotonic),
  }
  for (const point of points) {
    // A point of few bytes can become ten thousand samples, each with labels of its own.
    if (out.samples.length + samplesOf(point, kind) > samplesMax) {
      refuse(out, 'too-many-samples')
      continue
    }
    const at: At = {
      timestampMs: nanosToMs(point['timeUnixNano']) ?? nowMs,
      labels: labelsOf(attributesOf(point['attributes']), identity),
      isStale: (Number(point['flags'] ?? 0) & noRecordedValue) !== 0,
    }
    if (kind === 'exponentialHistogram') addNative(point, at, context)
    else addSeries(point, at, context)
  }
}

function samplesOf(point: Message, kind: Kind): number {
  if (kind === 'histogram') return listOf(point['explicitBounds']).length + 3
  return kind === 'summary' ? listOf(point['quantileValues']).length + 2 : 1
}

interface Context {
  name: string
  kind: Kind
  isCounter: boolean
  /** Deltas that become totals. */
  accumulates: boolean
  totals: Totals
  out: DecodedMetrics
}

interface At {
  timestampMs: number
  labels: Labels
  isStale: boolean
}

function addNative(point: Message, { timestampMs, labels, isStale }: At, context: Context): void {
  const { name, accumulates, totals, out } = context
  const own = { ...labels, __name__: name }
  if (isStale) {
    out.samples.push({ labels: own, timestampMs, value: staleNaN })
    return
  }
  const read = readExponential(point)
  if (typeof read === 'string') {
    refuse(out, read)
    return
  }
  const total = accumulates ? totals.histograms.add(own, read, timestampMs) : read
  if (total === undefined) {
    refuse(out, 'delta-series')
    return
  }
  const exemplars = exemplarsOf(point, timestampMs)
  out.samples.push({
    ...{ labels: own, timestampMs, value: 0, histogram: nativeOf(total) },
    ...(exemplars.length > 0 && { exemplars }),
  })
}

function addSeries(point: Message, { timestampMs, labels, isStale }: At, context: Context): void {
  const { name, kind, isCounter, accumulates, totals, out } = context
  const series =
    kind === 'summary'
      ? summarySeries(name, labels, point)
      : kind === 'histogram'
        ? histogramSeries(name, labels, point, exemplarsOf(point, timestampMs))
        : numberSeries(name, labels, point, isCounter ? exemplarsOf(point, timestampMs) : [])
  if (!series) {
    refuse(out, 'histogram-buckets')
    return
  }
  for (const { labels: own, value, exemplars = [] } of series) {
    if (isStale) {
      out.samples.push({ labels: own, timestampMs, value: staleNaN })
      continue
    }
    const total = accumulates ? totals.numbers.add(own, value, timestampMs) : value
    if (total === undefined) refuse(out, 'delta-series')
    else out.samples.push({ labels: own, timestampMs, value: total, ...(exemplars.length > 0 && { exemplars }) })
  }
}

function refuse({ refused }: DecodedMetrics, reason: string): void {
  refused[reason] = (refused[reason] ?? 0) + 1
}

function labelsOf(attributes: Record<string, unknown>, identity: Labels): Labels {
  const labels: Labels = {}
  for (const name of Object.keys(attributes).sort()) {
    const value = labelValue(attributes[name])
    if (value === '') continue
    const key = labelName(name)
    // Two names that become one: their values are joined, in the order of the names.
    labels[key] = labels[key] === undefined ? value : `${labels[key]};${value}`
  }
  return { ...labels, ...identity }
}

interface Series {
  labels: Labels
  value: number
  exemplars?: readonly Exemplar[]
}

function numberSeries(name: string, labels: Labels, point: Message, exemplars: readonly Exemplar[]): Series[] {
  return [{ labels: { ...labels, __name__: name }, value: numberOf(point['asDouble'] ?? point['asInt']), exemplars }]
}

/** Classic: cumulative counts up to each bound, +Inf last. Undefined when it has too many. */
function histogramSeries(
  name: string,
  labels: Labels,
  point: Message,
  exemplars: readonly Exemplar[],
): Series[] | undefined {
  const bounds = listOf(point['explicitBounds'])
  if (bounds.length > histogramBucketsMax) return undefined
  const counts = listOf(point['bucketCounts'])
  const all = [...bounds.map(numberOf), Number.POSITIVE_INFINITY]
  const total = numberOf(point['count'] ?? 0)
  const own = byBucket(exemplars, all)
  let sum = 0
  const series = all.map((bound, i): Series => {
    sum += numberOf(counts[i] ?? 0)
    return {
      labels: { ...labels, __name__: `${name}_bucket`, le: boundText(bound) },
      value: bound === Number.POSITIVE_INFINITY ? total : sum,
      exemplars: own.get(i) ?? [],
    }
  })
  series.push({ labels: { ...labels, __name__: `${name}_count` }, value: total })
  if (point['sum'] !== undefined)
    series.push({ labels: { ...labels, __name__: `${name}_sum` }, value: numberOf(point['sum']) })
  return series
}

function summarySeries(name: string, labels: Labels, point: Message): Series[] {
  const quantiles = listOf(point['quantileValues']).map((one): Series => {
    const { quantile, value } = objectOf(one)
    return {
      labels: { ...labels, __name__: name, quantile: String(numberOf(quantile ?? 0)) },
      value: numberOf(value ?? 0),
    }
  })
  return [
    ...quantiles,
    { labels: { ...labels, __name__: `${name}_count` }, value: numberOf(point['count'] ?? 0) },
    { labels: { ...labels, __name__: `${name}_sum` }, value: numberOf(point['sum'] ?? 0) },
  ]
}

function boundText(bound: number): string {
  return bound === Number.POSITIVE_INFINITY ? '+Inf' : String(bound)
}

function temporalityOf(value: unknown): number {
  return value === 'AGGREGATION_TEMPORALITY_DELTA' ? delta : Number(value ?? 0) || 0
}
