// The protobuf exposition: families one after the other, each with its length before it (client_model,
// io/prometheus/client/metrics.proto). It is the only format that has native histograms.
//
//   MetricFamily { 1 name 2 help 3 type 4 Metric… 5 unit }     type: counter gauge summary untyped histogram gaugehistogram
//   Metric       { 1 LabelPair{ 1 name 2 value }… 2 Gauge 3 Counter 4 Summary 5 Untyped 6 timestamp_ms 7 Histogram }
//   Gauge, Untyped { 1 value }     Counter { 1 value 2 Exemplar }
//   Summary      { 1 count 2 sum 3 Quantile{ 1 quantile 2 value }… }
//   Histogram    see protobuf-histogram.ts
//
// Series are named as the text format writes them, so that a target has the same series in either.
import { MalformedProtobuf, ProtobufReader } from '#core/protobuf-reader.ts'
import type { Exemplar, MetricMetadata, MetricType } from '#core/sample.ts'
import { type ProtoHistogram, readProtoHistogram } from './protobuf-histogram.ts'
import { closeMessage, readExemplar, readLabel } from './protobuf-parts.ts'
import { type ExpositionVisitor, metricName } from './scan.ts'

export interface ProtobufOptions {
  /** Whether native histograms are taken, and whether classic buckets beside them are taken as well. */
  native: boolean
  classic: boolean
}

const types: readonly MetricType[] = ['counter', 'gauge', 'summary', 'unknown', 'histogram', 'gaugehistogram']
/** Labels stand once in the message and once for each bucket as text: what that may come to. */
const seriesCharactersMax = 256 * 1024 * 1024

interface Metric {
  labels: [name: string, value: string][]
  timestampMs: number | undefined
  value: number | undefined
  exemplar: Exemplar | undefined
  summary: Summary | undefined
  histogram: ProtoHistogram | undefined
}

interface Summary {
  count: number
  sum: number
  quantiles: [quantile: number, value: number][]
}

/** @throws MalformedProtobuf */
export function parseProtobuf(body: Uint8Array, visitor: ExpositionVisitor, options: ProtobufOptions): void {
  const reader = new ProtobufReader(body)
  const budget = { characters: seriesCharactersMax }
  while (reader.position < body.length) readFamily(reader, reader.span(), visitor, options, budget)
}

function readFamily(
  reader: ProtobufReader,
  end: number,
  visitor: ExpositionVisitor,
  options: ProtobufOptions,
  budget: { characters: number },
): void {
  const family: MetricMetadata = { family: '', type: 'counter', help: '', unit: '' }
  // Its name and type may stand after its metrics.
  const metrics: [from: number, to: number][] = []
  while (reader.position < end) {
    const tag = reader.varint()
    if (tag === 0x0a) family.family = reader.text(end)
    else if (tag === 0x12) family.help = reader.text(end)
    else if (tag === 0x18) family.type = types[reader.varint()] ?? 'unknown'
    else if (tag === 0x2a) family.unit = reader.text(end)
    else if (tag === 0x22) {
      const to = reader.span(end)
      metrics.push([reader.position, to])
      reader.position = to
    } else reader.skip(tag & 7)
  }
  closeMessage(reader, end)
  if (family.family === '') throw new MalformedProtobuf('a family has no name')
  visitor.metadata(family)
  for (const [from, to] of metrics) {
    reader.position = from
    emit(family, readMetric(reader, to, family.type), visitor, options, budget)
  }
  reader.position = end
}

function readMetric(reader: ProtobufReader, end: number, type: MetricType): Metric {
  const metric: Metric = {
    ...{ labels: [], timestampMs: undefined, value: undefined, exemplar: undefined },
    ...{ summary: undefined, histogram: undefined },
  }
  while (reader.position < end) {
    const tag = reader.varint()
    if (tag === 0x0a) metric.labels.push(readLabel(reader, reader.span(end)))
    else if (tag === 0x12 || tag === 0x1a || tag === 0x2a) readValue(reader, reader.span(end), metric)
    else if (tag === 0x22) metric.summary = readSummary(reader, reader.span(end))
    else if (tag === 0x30) metric.timestampMs = reader.int64()
    else if (tag === 0x3a) metric.histogram = readProtoHistogram(reader, reader.span(end), type === 'gaugehistogram')
    else reader.skip(tag & 7)
  }
  closeMessage(reader, end)
  return metric
}

function readValue(reader: ProtobufReader, end: number, metric: Metric): void {
  // Proto leaves out what is 0.
  metric.value = 0
  while (reader.position < end) {
    const tag = reader.varint()
    if (tag === 0x09) metric.value = reader.double()
    else if (tag === 0x12) metric.exemplar = readExemplar(reader, reader.span(end))
    else reader.skip(tag & 7)
  }
  closeMessage(reader, end)
}

function readSummary(reader: ProtobufReader, end: number): Summary {
  const summary: Summary = { count: 0, sum: 0, quantiles: [] }
  while (reader.position < end) {
    const tag = reader.varint()
    if (tag === 0x08) summary.count = reader.varint()
    else if (tag === 0x11) summary.sum = reader.double()
    else if (tag === 0x1a) {
      const quantile: [number, number] = [0, 0]
      const to = reader.span(end)
      while (reader.position < to) {
        const inner = reader.varint()
        if (inner === 0x09) quantile[0] = reader.double()
        else if (inner === 0x11) quantile[1] = reader.double()
        else reader.skip(inner & 7)
      }
      closeMessage(reader, to)
      summary.quantiles.push(quantile)
    } else reader.skip(tag & 7)
  }
  closeMessage(reader, end)
  return summary
}

function emit(
  { family }: MetricMetadata,
  metric: Metric,
  visitor: ExpositionVisitor,
  options: ProtobufOptions,
  budget: { characters: number },
): void {
  const { timestampMs, summary, histogram } = metric
  const pairs = metric.labels.filter(([, value]) => value !== '').map(([name, value]) => pairText(name, value))
  const series = (suffix: string, extra?: string): string => {
    const all = extra === undefined ? pairs : [...pairs, extra]
    const text = seriesText(family + suffix, all)
    budget.characters -= text.length
    if (budget.characters < 0) throw new MalformedProtobuf('its series are too much text')
    return text
  }
  const sample = (name: string, value: number, exemplar?: Exemplar): void =>
    visitor.sample(name, value, timestampMs, 0, exemplar)
  if (metric.value !== undefined) sample(series(''), metric.value, metric.exemplar)
  if (summary) {
    for (const [quantile, value] of summary.quantiles) sample(series('', `quantile="${numberText(quantile)}"`), value)
    sample(series('_sum'), summary.sum)
    sample(series('_count'), summary.count)
  }
  if (!histogram) return
  const native = options.native ? histogram.native : undefined
  if (native) {
    const { exemplars, buckets } = histogram
    const all = exemplars.length > 0 ? exemplars : buckets.flatMap(({ exemplar }) => exemplar ?? [])
    visitor.histogram?.(series(''), native, timestampMs, all)
    if (!options.classic || buckets.length === 0) return
  }
  for (const { bound, count, exemplar } of histogram.buckets)
    sample(series('_bucket', `le="${numberText(bound)}"`), count, exemplar)
  if (histogram.buckets.length > 0 && histogram.buckets.at(-1)!.bound !== Number.POSITIVE_INFINITY)
    sample(series('_bucket', 'le="+Inf"'), histogram.count)
  sample(series('_sum'), histogram.sum)
  sample(series('_count'), histogram.count)
}

const plainLabel = /^[a-zA-Z_][a-zA-Z0-9_]*$/

function pairText(name: string, value: string): string {
  return `${plainLabel.test(name) ? name : `"${escaped(name)}"`}="${escaped(value)}"`
}

/** As in Prometheus 3: a name outside the old alphabet stands in quotes among the labels. */
function seriesText(name: string, pairs: readonly string[]): string {
  if (!metricName.test(name)) return `{${[`"${escaped(name)}"`, ...pairs].join(',')}}`
  return pairs.length === 0 ? name : `${name}{${pairs.join(',')}}`
}

function escaped(text: string): string {
  return /[\\"\n]/.test(text)
    ? text.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`))
    : text
}

/** As Go's strconv writes it (format g, shortest), since the text formats of Go clients do. */
export function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  if (value === Number.NEGATIVE_INFINITY) return '-Inf'
  if (!Number.isFinite(value)) return 'NaN'
  const [mantissa, exponent] = value.toExponential().split('e') as [string, string]
  const power = Number(exponent)
  if (value === 0 || (power >= -4 && power < 21 && Math.abs(value) < 1e6))
    return Object.is(value, -0) ? '-0' : String(value)
  return `${mantissa}e${power < 0 ? '-' : '+'}${String(Math.abs(power)).padStart(2, '0')}`
}
