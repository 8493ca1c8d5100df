// The payload of the `samples` topic: prometheus.WriteRequest (remote write 1.0, prometheus/prompb/remote.proto and
// types.proto), written by hand because it is on the hot path: protobufjs would build an object per label first.
//
//   WriteRequest  1: TimeSeries { 1: Label { 1: name, 2: value }, 2: Sample { 1: double value, 2: int64 timestamp },
//                               3: Exemplar { 1: Label, 2: double value, 3: int64 timestamp }, 4: Histogram }
//                 3: MetricMetadata { 1: type, 2: metric_family_name, 4: help, 5: unit }
import { Reader } from 'protobufjs/minimal.js'
import { histogramBytes } from '#core/histogram-protobuf.ts'
import {
  type Exemplar,
  isStaleNaN,
  type Labels,
  type MetricMetadata,
  metricTypes,
  type Sample,
  staleNaNBits,
} from '#core/sample.ts'

/** Encoded label pairs are the same scrape after scrape. Cleared when full, so a flood of new values costs no memory. */
const internedMax = 50_000

export interface WriteRequestEncoder {
  encode(samples: readonly Sample[], metadata: readonly MetricMetadata[]): Uint8Array
}

export function createWriteRequestEncoder(): WriteRequestEncoder {
  let interned = new Map<string, Map<string, Buffer>>()
  let internedCount = 0

  const label = (name: string, value: string): Buffer => {
    let values = interned.get(name)
    if (!values) {
      values = new Map()
      interned.set(name, values)
    }
    let bytes = values.get(value)
    if (!bytes) {
      if (internedCount++ >= internedMax) {
        interned = new Map()
        internedCount = 1
        values = new Map()
        interned.set(name, values)
      }
      bytes = encodeLabel(name, value)
      values.set(value, bytes)
    }
    return bytes
  }

  return {
    encode: (samples, metadata) => {
      const out = new Growing(64 + samples.length * 160)
      for (let i = 0; i < samples.length; ) {
        // Samples of one series that follow each other share one TimeSeries.
        const labels = samples[i]!.labels
        let end = i + 1
        while (end < samples.length && samples[end]!.labels === labels) end++
        writeSeries(out, labels, samples, i, end, label)
        i = end
      }
      for (const entry of metadata) writeMetadata(out, entry)
      return out.finish()
    },
  }
}

export interface DecodedSeries {
  labels: Labels
  samples: { timestampMs: number; value: number; bits: bigint }[]
}

/** Reads what `encode` wrote, or any WriteRequest; for tests and tools. */
export function decodeWriteRequest(bytes: Uint8Array): { series: DecodedSeries[]; metadata: MetricMetadata[] } {
  const series: DecodedSeries[] = []
  const metadata: MetricMetadata[] = []
  eachField(bytes, (field, value) => {
    if (field === 1) series.push(decodeSeries(value as Uint8Array))
    else if (field === 3) metadata.push(decodeMetadata(value as Uint8Array))
  })
  return { series, metadata }
}

function writeSeries(
  out: Growing,
  labels: Labels,
  samples: readonly Sample[],
  from: number,
  to: number,
  label: (name: string, value: string) => Buffer,
): void {
  // Labels sorted by name: the remote write 1.0 specification demands it.
  const names = Object.keys(labels).sort()
  const pairs: Buffer[] = []
  let length = 0
  for (const name of names) {
    const value = labels[name]!
    if (value === '') continue
    const pair = label(name, value)
    pairs.push(pair)
    length += pair.length
  }
  const histograms = new Map<number, Uint8Array>()
  const exemplars: Buffer[] = []
  for (let i = from; i < to; i++) {
    const { timestampMs, histogram, exemplars: own = [] } = samples[i]!
    for (const one of own) {
      const bytes = encodeExemplar(one)
      exemplars.push(bytes)
      length += 1 + int64Length(bytes.length) + bytes.length
    }
    if (histogram) {
      const bytes = histogramBytes({ timestampMs, histogram })
      histograms.set(i, bytes)
      length += 1 + int64Length(bytes.length) + bytes.length
    } else length += 2 + sampleLength(timestampMs)
  }
  out.tag(0x0a, length)
  for (const pair of pairs) out.bytes(pair)
  for (let i = from; i < to; i++) {
    const sample = samples[i]!
    const histogram = histograms.get(i)
    if (histogram) {
      out.tag(0x22, histogram.length)
      out.bytes(histogram)
      continue
    }
    out.tag(0x12, sampleLength(sample.timestampMs))
    out.double(0x09, sample.value)
    out.int64(0x10, sample.timestampMs)
  }
  for (const bytes of exemplars) {
    out.tag(0x1a, bytes.length)
    out.bytes(bytes)
  }
}

/** Its labels are not interned: a trace's id is there once. */
function encodeExemplar({ labels, value, timestampMs }: Exemplar): Buffer {
  const out = new Growing(128)
  for (const name of Object.keys(labels).sort()) out.bytes(encodeLabel(name, labels[name]!))
  out.double(0x11, value)
  out.int64(0x18, timestampMs)
  return out.finish()
}

function sampleLength(timestampMs: number): number {
  return 9 + 1 + int64Length(timestampMs)
}

function int64Length(value: number): number {
  if (value < 0) return 10
  let length = 1
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length++
  return length
}

function encodeLabel(name: string, value: string): Buffer {
  const nameBytes = Buffer.from(name)
  const valueBytes = Buffer.from(value)
  const inner = new Growing(nameBytes.length + valueBytes.length + 16)
  inner.tag(0x0a, nameBytes.length)
  inner.bytes(nameBytes)
  inner.tag(0x12, valueBytes.length)
  inner.bytes(valueBytes)
  const body = inner.finish()
  const outer = new Growing(body.length + 8)
  outer.tag(0x0a, body.length)
  outer.bytes(body)
  return outer.finish()
}

function writeMetadata(out: Growing, entry: MetricMetadata): void {
  const inner = new Growing(64 + entry.help.length)
  const type = Math.max(0, metricTypes.indexOf(entry.type))
  if (type > 0) inner.tag(0x08, type)
  const texts: [number, string][] = [
    [0x12, entry.family],
    [0x22, entry.help],
    [0x2a, entry.unit],
  ]
  for (const [tag, text] of texts) {
    if (text === '') continue
    const bytes = Buffer.from(text)
    inner.tag(tag, bytes.length)
    inner.bytes(bytes)
  }
  const body = inner.finish()
  out.tag(0x1a, body.length)
  out.bytes(body)
}

class Growing {
  #buffer: Buffer
  #at = 0

  constructor(sizeBytes: number) {
    this.#buffer = Buffer.allocUnsafe(sizeBytes)
  }

  #room(count: number): void {
    if (this.#at + count <= this.#buffer.length) return
    const bigger = Buffer.allocUnsafe(Math.max(this.#buffer.length * 2, this.#at + count))
    this.#buffer.copy(bigger, 0, 0, this.#at)
    this.#buffer = bigger
  }

  /** A tag byte and a varint: a length or a small number. */
  tag(tag: number, value: number): void {
    this.#room(11)
    this.#buffer[this.#at++] = tag
    this.#varint(value)
  }

  bytes(bytes: Uint8Array): void {
    this.#room(bytes.length)
    this.#buffer.set(bytes, this.#at)
    this.#at += bytes.length
  }

  double(tag: number, value: number): void {
    this.#room(9)
    this.#buffer[this.#at++] = tag
    this.#at = this.#buffer.writeDoubleLE(value, this.#at)
    // The marker has Prometheus's own bits again, which a number of ours cannot carry: see core/sample.ts.
    if (Number.isNaN(value) && isStaleNaN(value)) this.#buffer.writeBigUInt64LE(staleNaNBits, this.#at - 8)
  }

  int64(tag: number, value: number): void {
    this.#room(11)
    this.#buffer[this.#at++] = tag
    if (value >= 0) {
      this.#varint(Math.floor(value))
      return
    }
    let rest = BigInt.asUintN(64, BigInt(Math.floor(value)))
    while (rest >= 128n) {
      this.#buffer[this.#at++] = Number(rest & 127n) | 128
      rest >>= 7n
    }
    this.#buffer[this.#at++] = Number(rest)
  }

  #varint(value: number): void {
    let rest = value
    while (rest >= 128) {
      this.#buffer[this.#at++] = (rest % 128) | 128
      rest = Math.floor(rest / 128)
    }
    this.#buffer[this.#at++] = rest
  }

  finish(): Buffer {
    return this.#buffer.subarray(0, this.#at)
  }
}

function eachField(bytes: Uint8Array, visit: (field: number, value: Uint8Array | number | bigint) => void): void {
  const reader = Reader.create(bytes)
  while (reader.pos < reader.len) {
    const tag = reader.uint32()
    const field = tag >>> 3
    switch (tag & 7) {
      case 0:
        visit(field, Number(reader.int64().toString()))
        break
      case 1: {
        const view = new DataView(bytes.buffer, bytes.byteOffset + reader.pos, 8)
        visit(field, view.getBigUint64(0, true))
        reader.skip(8)
        break
      }
      case 2:
        visit(field, reader.bytes())
        break
      default:
        reader.skipType(tag & 7)
    }
  }
}

function decodeSeries(bytes: Uint8Array): DecodedSeries {
  const series: DecodedSeries = { labels: {}, samples: [] }
  eachField(bytes, (field, value) => {
    if (field === 1) {
      let name = ''
      let text = ''
      eachField(value as Uint8Array, (inner, part) => {
        if (inner === 1) name = Buffer.from(part as Uint8Array).toString()
        else if (inner === 2) text = Buffer.from(part as Uint8Array).toString()
      })
      series.labels[name] = text
    } else if (field === 2) {
      let bits = 0n
      let timestampMs = 0
      eachField(value as Uint8Array, (inner, part) => {
        if (inner === 1) bits = part as bigint
        else if (inner === 2) timestampMs = part as number
      })
      const view = new DataView(new ArrayBuffer(8))
      view.setBigUint64(0, bits)
      series.samples.push({ timestampMs, value: view.getFloat64(0), bits })
    }
  })
  return series
}

function decodeMetadata(bytes: Uint8Array): MetricMetadata {
  const entry: MetricMetadata = { family: '', type: 'unknown', help: '', unit: '' }
  eachField(bytes, (field, value) => {
    if (field === 1) entry.type = metricTypes[value as number] ?? 'unknown'
    else if (field === 2) entry.family = Buffer.from(value as Uint8Array).toString()
    else if (field === 4) entry.help = Buffer.from(value as Uint8Array).toString()
    else if (field === 5) entry.unit = Buffer.from(value as Uint8Array).toString()
  })
  return entry
}
