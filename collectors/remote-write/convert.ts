// Remote write 2.0 as 1.0, which is what the log holds (prometheus.io/docs/specs/prw/remote_write_spec_2_0,
// prompb/io/prometheus/write/v2/types.proto).
//
//   Request    { repeated string symbols = 4; repeated TimeSeries timeseries = 5 }
//   TimeSeries { repeated uint32 labels_refs = 1; repeated Sample samples = 2; repeated Histogram histograms = 3
//                repeated Exemplar exemplars = 4; Metadata metadata = 5; int64 created_timestamp = 6 }
//   Exemplar   { repeated uint32 labels_refs = 1; double value = 2; int64 timestamp = 3 }
//   Metadata   { MetricType type = 1; uint32 help_ref = 3; uint32 unit_ref = 4 }
// Samples and histograms have the fields of 1.0 and are copied byte for byte.
import { CodedError } from '#core/errors.ts'
import { MalformedProtobuf, ProtobufReader, textOf } from '#core/protobuf-reader.ts'

export interface ConvertOptions {
  bytesMax: number
  /** Whether a zero belongs at the created timestamp of this series, which is given by its label bytes. */
  wantsZero?: (labels: Uint8Array, createdMs: number) => boolean
}

interface Range {
  from: number
  to: number
}

interface Series {
  labels: number[]
  samples: Range[]
  histograms: Range[]
  exemplars: { labels: number[]; rest: Range[] }[]
  metadata: { type: number; help: number; unit: number } | undefined
  createdMs: number
}

/** @throws MalformedProtobuf, or CodedError `body.too-large` when the symbols unfold to more than the limit */
export function convertRequest(bytes: Uint8Array, options: ConvertOptions): Uint8Array {
  const symbols = readSymbols(bytes)
  const out = new Output(bytes.length * 2 + 1024, options.bytesMax)
  const families = new Map<string, Uint8Array>()
  const reader = new ProtobufReader(bytes)
  while (reader.position < bytes.length) {
    const tag = reader.varint()
    if (tag === 0x2a) {
      const series = readSeries(reader, reader.span())
      writeSeries(out, bytes, symbols, series, options)
      if (series.metadata) addMetadata(families, bytes, symbols, series)
    } else if (tag === 0x22) reader.position = reader.span()
    else if (tag < 0x20) throw new MalformedProtobuf('it is no request of remote write 2.0')
    else reader.skip(tag & 7)
  }
  for (const metadata of families.values()) {
    out.tag(0x1a, metadata.length)
    out.put(metadata, 0, metadata.length)
  }
  return out.finish()
}

/** Symbols may stand after the series that name them. */
function readSymbols(bytes: Uint8Array): Uint32Array {
  let symbols = new Uint32Array(1024)
  let count = 0
  const reader = new ProtobufReader(bytes)
  while (reader.position < bytes.length) {
    const tag = reader.varint()
    if (tag !== 0x22) {
      reader.skip(tag & 7)
      continue
    }
    const to = reader.span()
    if (count * 2 === symbols.length) {
      const larger = new Uint32Array(symbols.length * 2)
      larger.set(symbols)
      symbols = larger
    }
    symbols[count * 2] = reader.position
    symbols[count * 2 + 1] = to
    count++
    reader.position = to
  }
  if (count > 0 && symbols[0] !== symbols[1]) throw new MalformedProtobuf('the first symbol is not the empty string')
  return symbols.subarray(0, count * 2)
}

function readSeries(reader: ProtobufReader, end: number): Series {
  const series: Series = { labels: [], samples: [], histograms: [], exemplars: [], metadata: undefined, createdMs: 0 }
  while (reader.position < end) {
    const tag = reader.varint()
    if (tag === 0x0a || tag === 0x08) readRefs(reader, tag, end, series.labels)
    else if (tag === 0x12) series.samples.push(readRange(reader, end))
    else if (tag === 0x1a) series.histograms.push(readRange(reader, end))
    else if (tag === 0x22) series.exemplars.push(readExemplar(reader, reader.span(end)))
    else if (tag === 0x2a) series.metadata = readMetadata(reader, reader.span(end))
    else if (tag === 0x30) series.createdMs = reader.int64()
    else reader.skip(tag & 7)
  }
  if (reader.position !== end) throw new MalformedProtobuf('a field reaches past its message')
  return series
}

function readRange(reader: ProtobufReader, within: number): Range {
  const to = reader.span(within)
  const from = reader.position
  reader.position = to
  return { from, to }
}

function readRefs(reader: ProtobufReader, tag: number, within: number, into: number[]): void {
  if (tag === 0x08) {
    into.push(reader.varint())
    return
  }
  const end = reader.span(within)
  while (reader.position < end) into.push(reader.varint())
}

function readExemplar(reader: ProtobufReader, end: number): Series['exemplars'][number] {
  const exemplar: Series['exemplars'][number] = { labels: [], rest: [] }
  while (reader.position < end) {
    const from = reader.position
    const tag = reader.varint()
    if (tag === 0x0a || tag === 0x08) readRefs(reader, tag, end, exemplar.labels)
    else {
      reader.skip(tag & 7)
      exemplar.rest.push({ from, to: reader.position })
    }
  }
  return exemplar
}

function readMetadata(reader: ProtobufReader, end: number): NonNullable<Series['metadata']> {
  const metadata = { type: 0, help: 0, unit: 0 }
  while (reader.position < end) {
    const tag = reader.varint()
    if (tag === 0x08) metadata.type = reader.varint()
    else if (tag === 0x18) metadata.help = reader.varint()
    else if (tag === 0x20) metadata.unit = reader.varint()
    else reader.skip(tag & 7)
  }
  return metadata
}

function writeSeries(
  out: Output,
  bytes: Uint8Array,
  symbols: Uint32Array,
  series: Series,
  { wantsZero }: ConvertOptions,
): void {
  const rangesLength = (ranges: readonly Range[]): number =>
    ranges.reduce((sum, { from, to }) => sum + 1 + varintLength(to - from) + to - from, 0)
  const exemplarLengths = series.exemplars.map(
    ({ labels, rest }) => labelsLength(labels, symbols) + rest.reduce((sum, { from, to }) => sum + to - from, 0),
  )
  const labelBytes = labelsLength(series.labels, symbols)
  const exemplarBytes = exemplarLengths.reduce((sum, length) => sum + 1 + varintLength(length) + length, 0)
  const hasZero = wantsZero !== undefined && series.createdMs > 0 && isBefore(bytes, series)
  const start = out.length
  const write = (zeroBytes: number): void => {
    out.tag(
      0x0a,
      labelBytes + zeroBytes + rangesLength(series.samples) + rangesLength(series.histograms) + exemplarBytes,
    )
    putLabels(out, bytes, series.labels, symbols)
  }
  write(0)
  if (hasZero && wantsZero(out.view(out.length - labelBytes), series.createdMs)) {
    out.length = start
    write(2 + 9 + 1 + varintLength(series.createdMs))
    out.tag(0x12, 9 + 1 + varintLength(series.createdMs))
    out.byte(0x09)
    for (let i = 0; i < 8; i++) out.byte(0)
    out.tag(0x10, series.createdMs)
  }
  for (const { from, to } of series.samples) {
    out.tag(0x12, to - from)
    out.put(bytes, from, to)
  }
  series.exemplars.forEach(({ labels, rest }, i) => {
    out.tag(0x1a, exemplarLengths[i]!)
    putLabels(out, bytes, labels, symbols)
    for (const { from, to } of rest) out.put(bytes, from, to)
  })
  for (const { from, to } of series.histograms) {
    out.tag(0x22, to - from)
    out.put(bytes, from, to)
  }
}

/** A zero belongs before the first sample, of a series of floats only. */
function isBefore(bytes: Uint8Array, { samples, createdMs }: Series): boolean {
  const [first] = samples
  if (!first) return false
  const reader = new ProtobufReader(bytes)
  reader.position = first.from
  let timestampMs = 0
  while (reader.position < first.to) {
    const tag = reader.varint()
    if (tag === 0x10) timestampMs = reader.int64()
    else reader.skip(tag & 7)
  }
  return createdMs < timestampMs
}

function symbolLength(ref: number, symbols: Uint32Array): number {
  if (ref * 2 >= symbols.length) throw new MalformedProtobuf(`there is no symbol ${ref}`)
  return symbols[ref * 2 + 1]! - symbols[ref * 2]!
}

/** Of `Label { 1: name, 2: value }`, without its own tag and length. */
function labelLength(name: number, value: number): number {
  return 1 + varintLength(name) + name + 1 + varintLength(value) + value
}

function labelsLength(refs: readonly number[], symbols: Uint32Array): number {
  if (refs.length % 2 !== 0) throw new MalformedProtobuf('a label has no value')
  let length = 0
  for (let i = 0; i < refs.length; i += 2) {
    const inner = labelLength(symbolLength(refs[i]!, symbols), symbolLength(refs[i + 1]!, symbols))
    length += 1 + varintLength(inner) + inner
  }
  return length
}

function putLabels(out: Output, bytes: Uint8Array, refs: readonly number[], symbols: Uint32Array): void {
  for (let i = 0; i < refs.length; i += 2) {
    const name = refs[i]! * 2
    const value = refs[i + 1]! * 2
    const nameBytes = symbols[name + 1]! - symbols[name]!
    const valueBytes = symbols[value + 1]! - symbols[value]!
    out.tag(0x0a, labelLength(nameBytes, valueBytes))
    out.tag(0x0a, nameBytes)
    out.put(bytes, symbols[name]!, symbols[name + 1]!)
    out.tag(0x12, valueBytes)
    out.put(bytes, symbols[value]!, symbols[value + 1]!)
  }
}

const histogramTypes = new Set([3, 4])
const summaryType = 5

/** Metadata of 1.0 is by family: the name without what a histogram or a summary adds to it. */
function addMetadata(families: Map<string, Uint8Array>, bytes: Uint8Array, symbols: Uint32Array, series: Series): void {
  const { type, help, unit } = series.metadata!
  if (type === 0 && help === 0 && unit === 0) return
  const textAt = (ref: number): string => {
    symbolLength(ref, symbols)
    return textOf(bytes, symbols[ref * 2]!, symbols[ref * 2 + 1]!)
  }
  let family = ''
  for (let i = 0; i < series.labels.length; i += 2)
    if (textAt(series.labels[i]!) === '__name__') family = textAt(series.labels[i + 1]!)
  if (histogramTypes.has(type)) family = family.replace(/_(bucket|count|sum)$/, '')
  else if (type === summaryType) family = family.replace(/_(count|sum)$/, '')
  if (family === '' || families.has(family)) return
  const out = new Output(64, Number.POSITIVE_INFINITY)
  if (type > 0) out.tag(0x08, type)
  for (const [tag, text] of [
    [0x12, family],
    [0x22, textAt(help)],
    [0x2a, textAt(unit)],
  ] as const) {
    const part = Buffer.from(text)
    if (part.length === 0) continue
    out.tag(tag, part.length)
    out.put(part, 0, part.length)
  }
  families.set(family, out.finish())
}

function varintLength(value: number): number {
  let length = 1
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length++
  return length
}

class Output {
  #buffer: Buffer
  readonly #bytesMax: number
  length = 0

  constructor(bytes: number, bytesMax: number) {
    this.#bytesMax = bytesMax
    this.#buffer = Buffer.allocUnsafe(Math.min(bytes, bytesMax))
  }

  #room(count: number): void {
    const wanted = this.length + count
    if (wanted <= this.#buffer.length) return
    if (wanted > this.#bytesMax) throw new CodedError('body.too-large', { limit: this.#bytesMax })
    const larger = Buffer.allocUnsafe(Math.min(Math.max(wanted, this.#buffer.length * 2), this.#bytesMax))
    this.#buffer.copy(larger, 0, 0, this.length)
    this.#buffer = larger
  }

  byte(value: number): void {
    this.#room(1)
    this.#buffer[this.length++] = value
  }

  tag(tag: number, value: number): void {
    this.#room(11)
    this.#buffer[this.length++] = tag
    let rest = value
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.#buffer[this.length++] = (rest % 128) | 128
    this.#buffer[this.length++] = rest
  }

  put(bytes: Uint8Array, from: number, to: number): void {
    const count = to - from
    this.#room(count)
    if (count < 48) for (let i = 0; i < count; i++) this.#buffer[this.length + i] = bytes[from + i]!
    else this.#buffer.set(bytes.subarray(from, to), this.length)
    this.length += count
  }

  view(from: number): Uint8Array {
    return this.#buffer.subarray(from, this.length)
  }

  finish(): Buffer {
    return this.#buffer.subarray(0, this.length)
  }
}
