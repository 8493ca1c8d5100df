// OTLP metrics as Prometheus series, by the rules that collectors share:
// https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/
import { type Labels, type MetricMetadata, type MetricType, type Sample, staleNaN } from '#core/sample.ts'
import type { Accumulator } from './accumulator.ts'
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

const delta = 1
/** DataPointFlags: no value was recorded; Prometheus says it with a stale marker. */
const noRecordedValue = 1

export function decodeMetrics(request: Message, accumulator: Accumulator, nowMs: number): DecodedMetrics {
  const out: DecodedMetrics = { samples: [], metadata: [], refused: {}, points: 0 }
  for (const one of listOf(request['resourceMetrics'])) {
    const resourceMetrics = objectOf(one)
    const resource = attributesOf(objectOf(resourceMetrics['resource'])['attributes'])
    const identity = identityOf(resource)
    let latestMs = 0
    for (const scoped of listOf(resourceMetrics['scopeMetrics']))
      for (const metric of listOf(objectOf(scoped)['metrics'])) {
        const before = out.samples.length
        decodeMetric(objectOf(metric), identity, accumulator, nowMs, out)
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
  accumulator: Accumulator,
  nowMs: number,
  out: DecodedMetrics,
): void {
  const rawName = String(metric['name'] ?? '')
  const kind = (['gauge', 'sum', 'histogram', 'exponentialHistogram', 'summary'] as const).find(
    (one) => metric[one] !== undefined,
  )
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
  for (const point of points) {
    const timestampMs = nanosToMs(point['timeUnixNano']) ?? nowMs
    const labels = labelsOf(attributesOf(point['attributes']), identity)
    const stale = (Number(point['flags'] ?? 0) & noRecordedValue) !== 0
    const series: [Labels, number][] =
      kind === 'gauge' || kind === 'sum'
        ? [[{ ...labels, __name__: name }, numberOf(point['asDouble'] ?? point['asInt'])]]
        : kind === 'summary'
          ? summarySeries(name, labels, point)
          : histogramSeries(
              name,
              labels,
              kind === 'histogram' ? explicitBuckets(point) : exponentialBuckets(point),
              point,
            )
    for (const [own, value] of series) {
      if (stale) {
        out.samples.push({ labels: own, timestampMs, value: staleNaN })
        continue
      }
      const total = isDelta && (kind !== 'sum' || isMonotonic) ? accumulator.add(own, value, timestampMs) : value
      if (total === undefined) out.refused['delta-series'] = (out.refused['delta-series'] ?? 0) + 1
      else out.samples.push({ labels: own, timestampMs, value: total })
    }
  }
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

/** Cumulative counts up to each bound, +Inf last. */
type Buckets = [bound: number, cumulative: number][]

function explicitBuckets(point: Message): Buckets {
  const bounds = listOf(point['explicitBounds']).map(numberOf)
  const counts = listOf(point['bucketCounts']).map(numberOf)
  let sum = 0
  const buckets = bounds.map((bound, i): [number, number] => {
    sum += counts[i] ?? 0
    return [bound, sum]
  })
  return [...buckets, [Number.POSITIVE_INFINITY, numberOf(point['count'] ?? 0)]]
}

const exponentialBucketsMax = 160

/** Bucket i holds values in (base^i, base^(i+1)], base = 2^(2^-scale) (metrics data model, "Exponential Scale"). */
function exponentialBuckets(point: Message): Buckets {
  const base = 2 ** (2 ** -Number(point['scale'] ?? 0))
  const side = (value: unknown) => {
    const { offset, bucketCounts } = objectOf(value)
    return { offset: Number(offset ?? 0), counts: listOf(bucketCounts).slice(0, exponentialBucketsMax).map(numberOf) }
  }
  const negative = side(point['negative'])
  const positive = side(point['positive'])
  const buckets: Buckets = []
  let sum = 0
  for (let i = negative.counts.length - 1; i >= 0; i--) {
    sum += negative.counts[i]!
    buckets.push([-(base ** (negative.offset + i)), sum])
  }
  sum += numberOf(point['zeroCount'] ?? 0)
  buckets.push([numberOf(point['zeroThreshold'] ?? 0), sum])
  positive.counts.forEach((count, i) => {
    sum += count
    buckets.push([base ** (positive.offset + i + 1), sum])
  })
  return [...buckets, [Number.POSITIVE_INFINITY, numberOf(point['count'] ?? 0)]]
}

function histogramSeries(name: string, labels: Labels, buckets: Buckets, point: Message): [Labels, number][] {
  const series = buckets.map(([bound, count]): [Labels, number] => [
    { ...labels, __name__: `${name}_bucket`, le: boundText(bound) },
    count,
  ])
  series.push([{ ...labels, __name__: `${name}_count` }, numberOf(point['count'] ?? 0)])
  if (point['sum'] !== undefined) series.push([{ ...labels, __name__: `${name}_sum` }, numberOf(point['sum'])])
  return series
}

function summarySeries(name: string, labels: Labels, point: Message): [Labels, number][] {
  const quantiles = listOf(point['quantileValues']).map((one): [Labels, number] => {
    const { quantile, value } = objectOf(one)
    return [{ ...labels, __name__: name, quantile: String(numberOf(quantile ?? 0)) }, numberOf(value ?? 0)]
  })
  return [
    ...quantiles,
    [{ ...labels, __name__: `${name}_count` }, numberOf(point['count'] ?? 0)],
    [{ ...labels, __name__: `${name}_sum` }, numberOf(point['sum'] ?? 0)],
  ]
}

function boundText(bound: number): string {
  return bound === Number.POSITIVE_INFINITY ? '+Inf' : String(bound)
}

function temporalityOf(value: unknown): number {
  return value === 'AGGREGATION_TEMPORALITY_DELTA' ? delta : Number(value ?? 0) || 0
}
