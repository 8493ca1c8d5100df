// Reads `prometheus.WriteRequest` (remote write 1.0, prompb/remote.proto and types.proto) without building strings:
// the labels of a series are handed on as the bytes they arrived in, which is what series are found by.
//
//   WriteRequest { repeated TimeSeries timeseries = 1; repeated MetricMetadata metadata = 3 }
//   TimeSeries   { repeated Label labels = 1; repeated Sample samples = 2; exemplars = 3; histograms = 4 }
//   Label        { string name = 1; string value = 2 }
//   Sample       { double value = 1; int64 timestamp = 2 }
//   Exemplar     { repeated Label labels = 1; double value = 2; int64 timestamp = 3 }
import type { FloatHistogram } from '#core/histogram.ts'
import { readHistogram } from '#core/histogram-protobuf.ts'
import { MalformedProtobuf, ProtobufReader } from '#core/protobuf-reader.ts'
import { type Exemplar, type Labels, type MetricMetadata, metricTypes } from '#core/sample.ts'

export interface SeriesVisitor {
  /** `bytes[from, to)`, seen by `view` as well, holds the label fields of one series, tags included. Valid only during the call. */
  series(bytes: Uint8Array, from: number, to: number, view: DataView): void
  sample(timestampMs: number, value: number): void
  histogram(timestampMs: number, histogram: FloatHistogram): void
  exemplar(exemplar: Exemplar): void
  metadata(metadata: MetricMetadata): void
  /** A part that cannot be read; the rest of the request can. */
  malformed(cause: string): void
}

/** Calls the visitor in order: `series`, then what it has. @throws MalformedProtobuf */
export function visitWriteRequest(bytes: Uint8Array, visitor: SeriesVisitor): void {
  const reader = new ProtobufReader(bytes)
  while (reader.position < bytes.length) {
    const tag = reader.varint()
    if (tag === 0x0a) visitSeries(reader, reader.span(), visitor)
    else if (tag === 0x1a) visitor.metadata(readMetadata(reader, reader.span()))
    else reader.skip(tag & 7)
  }
}

/** The label fields of one series as an object. */
export function decodeLabels(bytes: Uint8Array, from = 0, to = bytes.length): Labels {
  const labels: Labels = {}
  eachLabel(bytes, from, to, (name, value) => {
    labels[name] = value
  })
  return labels
}

/** Empty values are no labels, and are left out. */
export function eachLabel(
  bytes: Uint8Array,
  from: number,
  to: number,
  visit: (name: string, value: string) => void,
): void {
  const reader = new ProtobufReader(bytes)
  reader.position = from
  while (reader.position < to) {
    reader.varint()
    readLabel(reader, reader.span(to), visit)
  }
}

function readLabel(reader: ProtobufReader, end: number, visit: (name: string, value: string) => void): void {
  let name = ''
  let value = ''
  while (reader.position < end) {
    const tag = reader.varint()
    if (tag === 0x0a) name = reader.text(end)
    else if (tag === 0x12) value = reader.text(end)
    else reader.skip(tag & 7)
  }
  if (value !== '') visit(name, value)
}

function visitSeries(reader: ProtobufReader, end: number, visitor: SeriesVisitor): void {
  const start = reader.position
  // Every known writer puts the labels first and together; a message that does not is refused rather than reordered.
  while (reader.position < end && reader.bytes[reader.position] === 0x0a) {
    reader.position++
    reader.position = reader.span(end)
  }
  visitor.series(reader.bytes, start, reader.position, reader.view)
  while (reader.position < end) {
    const tag = reader.varint()
    if (tag === 0x12) visitSample(reader, reader.span(end), visitor)
    else if (tag === 0x0a) throw new MalformedProtobuf('labels after samples')
    else if (tag === 0x1a || tag === 0x22) {
      const partEnd = reader.span(end)
      try {
        if (tag === 0x1a) visitor.exemplar(readExemplar(reader, partEnd))
        else {
          const { timestampMs, histogram } = readHistogram(reader, partEnd)
          visitor.histogram(timestampMs, histogram)
        }
      } catch (error) {
        if (!(error instanceof MalformedProtobuf)) throw error
        visitor.malformed(error.message)
        reader.position = partEnd
      }
    } else reader.skip(tag & 7)
  }
}

function visitSample(reader: ProtobufReader, end: number, visitor: SeriesVisitor): void {
  let value = 0
  let timestampMs = 0
  while (reader.position < end) {
    const tag = reader.varint()
    if (tag === 0x09) value = reader.double()
    else if (tag === 0x10) timestampMs = reader.int64()
    else reader.skip(tag & 7)
  }
  visitor.sample(timestampMs, value)
}

function readExemplar(reader: ProtobufReader, end: number): Exemplar {
  const exemplar: Exemplar = { labels: {}, value: 0, timestampMs: 0 }
  while (reader.position < end) {
    const tag = reader.varint()
    if (tag === 0x0a)
      readLabel(reader, reader.span(end), (name, value) => {
        exemplar.labels[name] = value
      })
    else if (tag === 0x11) exemplar.value = reader.double()
    else if (tag === 0x18) exemplar.timestampMs = reader.int64()
    else reader.skip(tag & 7)
  }
  return exemplar
}

function readMetadata(reader: ProtobufReader, end: number): MetricMetadata {
  const metadata: MetricMetadata = { family: '', type: 'unknown', help: '', unit: '' }
  while (reader.position < end) {
    const tag = reader.varint()
    if (tag === 0x08) metadata.type = metricTypes[reader.varint()] ?? 'unknown'
    else if (tag === 0x12) metadata.family = reader.text(end)
    else if (tag === 0x22) metadata.help = reader.text(end)
    else if (tag === 0x2a) metadata.unit = reader.text(end)
    else reader.skip(tag & 7)
  }
  return metadata
}
