// Reads `prometheus.WriteRequest` (remote write 1.0, prompb/remote.proto and types.proto) without building strings:
// the labels of a series are handed on as the bytes they arrived in, which is what series are found by.
//
//   WriteRequest { repeated TimeSeries timeseries = 1; repeated MetricMetadata metadata = 3 }
//   TimeSeries   { repeated Label labels = 1; repeated Sample samples = 2; exemplars = 3; histograms = 4 }
//   Label        { string name = 1; string value = 2 }
//   Sample       { double value = 1; int64 timestamp = 2 }
import type { Labels, MetricMetadata, MetricType } from '#core/sample.ts'

export interface SeriesVisitor {
  /** `bytes[from, to)` holds the label fields of one series, tags included. Valid only during the call. */
  series(bytes: Uint8Array, from: number, to: number): void
  sample(timestampMs: number, value: number): void
  metadata(metadata: MetricMetadata): void
}

export class MalformedWriteRequest extends Error {}

const metadataTypes: readonly MetricType[] = [
  'unknown',
  'counter',
  'gauge',
  'histogram',
  'gaugehistogram',
  'summary',
  'info',
  'stateset',
]
const utf8 = new TextDecoder('utf-8')

/** Calls the visitor in order: `series`, then its samples. @throws MalformedWriteRequest */
export function visitWriteRequest(bytes: Uint8Array, visitor: SeriesVisitor): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const reader = new Reader(bytes)
  while (reader.position < bytes.length) {
    const tag = reader.varint()
    if (tag === 0x0a) visitSeries(reader, view, reader.span(), visitor)
    else if (tag === 0x1a) visitor.metadata(readMetadata(reader, reader.span()))
    else reader.skip(tag & 7)
  }
}

/** The label fields of one series as an object. */
export function decodeLabels(bytes: Uint8Array, from = 0, to = bytes.length): Labels {
  const reader = new Reader(bytes)
  reader.position = from
  const labels: Labels = {}
  while (reader.position < to) {
    reader.varint()
    const end = reader.span()
    let name = ''
    let value = ''
    while (reader.position < end) {
      const tag = reader.varint()
      if (tag === 0x0a) name = reader.text()
      else if (tag === 0x12) value = reader.text()
      else reader.skip(tag & 7)
    }
    if (value !== '') labels[name] = value
  }
  return labels
}

function visitSeries(reader: Reader, view: DataView, end: number, visitor: SeriesVisitor): void {
  const start = reader.position
  // Every known writer puts the labels first and together; a message that does not is refused rather than reordered.
  while (reader.position < end && reader.bytes[reader.position] === 0x0a) {
    reader.position++
    reader.position = reader.span()
  }
  visitor.series(reader.bytes, start, reader.position)
  while (reader.position < end) {
    const tag = reader.varint()
    if (tag === 0x0a) throw new MalformedWriteRequest('labels after samples')
    if (tag !== 0x12) {
      reader.skip(tag & 7)
      continue
    }
    const sampleEnd = reader.span()
    let value = 0
    let timestampMs = 0
    while (reader.position < sampleEnd) {
      const field = reader.varint()
      if (field === 0x09) {
        if (reader.position + 8 > sampleEnd) throw new MalformedWriteRequest('truncated value')
        value = view.getFloat64(reader.position, true)
        reader.position += 8
      } else if (field === 0x10) timestampMs = reader.int64()
      else reader.skip(field & 7)
    }
    visitor.sample(timestampMs, value)
  }
}

function readMetadata(reader: Reader, end: number): MetricMetadata {
  const metadata: MetricMetadata = { family: '', type: 'unknown', help: '', unit: '' }
  while (reader.position < end) {
    const tag = reader.varint()
    if (tag === 0x08) metadata.type = metadataTypes[reader.varint()] ?? 'unknown'
    else if (tag === 0x12) metadata.family = reader.text()
    else if (tag === 0x22) metadata.help = reader.text()
    else if (tag === 0x2a) metadata.unit = reader.text()
    else reader.skip(tag & 7)
  }
  return metadata
}

class Reader {
  readonly bytes: Uint8Array
  position = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
  }

  /** Unsigned, exact up to 2^53. */
  varint(): number {
    let value = 0
    let scale = 1
    for (let i = 0; i < 10; i++) {
      const byte = this.bytes[this.position++]
      if (byte === undefined) throw new MalformedWriteRequest('truncated number')
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      scale *= 128
    }
    throw new MalformedWriteRequest('number longer than 10 bytes')
  }

  /** Two's complement in 64 bits; timestamps before 1970 come as ten bytes. */
  int64(): number {
    const start = this.position
    const value = this.varint()
    if (this.position - start < 10) return value
    let exact = 0n
    for (let i = start, shift = 0n; i < this.position; i++, shift += 7n) exact |= BigInt(this.bytes[i]! & 0x7f) << shift
    return Number(BigInt.asIntN(64, exact))
  }

  /** Reads a length and returns where the span ends. */
  span(): number {
    const length = this.varint()
    const end = this.position + length
    if (end > this.bytes.length) throw new MalformedWriteRequest('a length reaches past the end')
    return end
  }

  text(): string {
    const end = this.span()
    const text = utf8.decode(this.bytes.subarray(this.position, end))
    this.position = end
    return text
  }

  skip(wireType: number): void {
    if (wireType === 0) this.varint()
    else if (wireType === 1) this.position += 8
    else if (wireType === 2) this.position = this.span()
    else if (wireType === 5) this.position += 4
    else throw new MalformedWriteRequest(`wire type ${wireType}`)
    if (this.position > this.bytes.length) throw new MalformedWriteRequest('truncated field')
  }
}
