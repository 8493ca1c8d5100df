// Remote write 2.0 as 1.0, which is what the log holds (prometheus.io/docs/specs/prw/remote_write_spec_2_0,
// prompb/io/prometheus/write/v2/types.proto).
//
//   Request    { repeated string symbols = 4; repeated TimeSeries timeseries = 5 }
//   TimeSeries { repeated uint32 labels_refs = 1; repeated Sample samples = 2; repeated Histogram histograms = 3
//                repeated Exemplar exemplars = 4; Metadata metadata = 5; int64 created_timestamp = 6 }
//   Exemplar   { repeated uint32 labels_refs = 1; double value = 2; int64 timestamp = 3 }
//   Metadata   { MetricType type = 1; uint32 help_ref = 3; uint32 unit_ref = 4 }
//
// Samples and histograms have the fields of 1.0 and are copied byte for byte. Each series is read twice, to measure and
// to write, so that nothing is remembered of its samples.
import { MalformedProtobuf, ProtobufReader } from '#core/protobuf-reader.ts'
import { LabelRefs } from './convert-labels.ts'
import { Families, readMetadata, type SeriesMetadata } from './convert-metadata.ts'
import { Brought, type Limits } from './limits.ts'
import { Output, varintLength } from './output.ts'
import { type Reason, Refusals } from './refusals.ts'
import { Symbols } from './symbols.ts'
import type { LeftOut } from './validate.ts'

/** Whether a zero belongs at the created timestamp of this series, which is given by its label bytes. */
export type WantsZero = (labels: Uint8Array, createdMs: number) => boolean

export interface Converted {
  bytes: Uint8Array
  leftOut: LeftOut
}

/** @throws MalformedProtobuf, or CodedError `body.too-large` when the symbols unfold to more than the limit */
export function convertRequest(bytes: Uint8Array, limits: Limits, wantsZero?: WantsZero): Converted {
  const conversion = new Conversion(bytes, limits, wantsZero)
  const reader = new ProtobufReader(bytes)
  while (reader.position < bytes.length) {
    const tag = reader.varint()
    if (tag === 0x2a) conversion.series(reader, reader.span())
    else if (tag === 0x22) reader.position = reader.span()
    else if (tag < 0x20) throw new MalformedProtobuf('it is no request of remote write 2.0')
    else reader.skip(tag & 7)
  }
  return conversion.finish()
}

const noMetadata: Readonly<SeriesMetadata> = { type: 0, help: 0, unit: 0 }

class Conversion {
  readonly #limits: Limits
  readonly #wantsZero: WantsZero | undefined
  readonly #symbols: Symbols
  readonly #out: Output
  readonly #brought: Brought
  readonly #refusals = new Refusals()
  readonly #leftOut: number[] = []
  readonly #families = new Families()
  readonly #labels: LabelRefs
  readonly #exemplarLabels: LabelRefs
  readonly #metadata: SeriesMetadata = { ...noMetadata }
  /** Of the series at hand. */
  #contentBytes = 0
  #samples = 0
  #exemplarProblems = 0
  #firstMs = 0
  #createdMs = 0

  constructor(bytes: Uint8Array, limits: Limits, wantsZero: WantsZero | undefined) {
    this.#limits = limits
    this.#wantsZero = wantsZero
    this.#symbols = new Symbols(bytes)
    this.#out = new Output(bytes.length * 2 + 1024, limits.bytesMax)
    this.#brought = new Brought(limits)
    this.#labels = new LabelRefs(limits.labelsMax)
    this.#exemplarLabels = new LabelRefs(limits.labelsMax)
  }

  series(reader: ProtobufReader, end: number): void {
    this.#brought.addSeries()
    const from = reader.position
    this.#measure(reader, end)
    const problem = this.#labels.problem(this.#symbols, this.#limits)
    if (problem !== undefined) {
      this.#refuse(problem, Math.max(1, this.#samples))
      this.#leftOut.push(this.#brought.series)
      return
    }
    if (this.#exemplarProblems > 0) {
      this.#refuse('invalid-exemplar', this.#exemplarProblems)
      if (this.#contentBytes === 0) {
        this.#leftOut.push(this.#brought.series)
        return
      }
    }
    const out = this.#out
    const labelBytes = this.#labels.size(this.#symbols)
    const start = out.length
    const begin = (zeroBytes: number): void => {
      out.tag(0x0a, labelBytes + zeroBytes + this.#contentBytes)
      this.#labels.write(out, this.#symbols)
    }
    begin(0)
    // A zero belongs before the first sample, of a series of floats only.
    const mayWant = this.#createdMs > 0 && this.#createdMs < this.#firstMs
    if (mayWant && this.#wantsZero?.(out.view(out.length - labelBytes), this.#createdMs)) {
      out.length = start
      begin(2 + 9 + 1 + varintLength(this.#createdMs))
      this.#writeZero()
    }
    reader.position = from
    this.#write(reader, end)
    this.#families.write(out, this.#symbols, this.#labels.metricName(this.#symbols), this.#metadata)
  }

  finish(): Converted {
    return { bytes: this.#out.finish(), leftOut: { refusals: this.#refusals, series: this.#leftOut } }
  }

  #refuse(reason: Reason, count: number): void {
    this.#refusals.add(reason, count, () => `series ${this.#brought.series} of the request`)
  }

  #measure(reader: ProtobufReader, end: number): void {
    this.#labels.clear()
    this.#contentBytes = this.#samples = this.#exemplarProblems = this.#firstMs = this.#createdMs = 0
    Object.assign(this.#metadata, noMetadata)
    while (reader.position < end) {
      const tag = reader.varint()
      const fieldFrom = reader.position
      if (tag === 0x0a || tag === 0x08) this.#labels.read(reader, tag, end)
      else if (tag === 0x12 || tag === 0x1a) {
        this.#brought.addSample()
        const to = reader.span(end)
        if (tag === 0x12 && this.#samples === 0) this.#firstMs = timeOf(reader, to)
        reader.position = to
        this.#samples++
        this.#contentBytes += 1 + to - fieldFrom
      } else if (tag === 0x22) {
        this.#brought.addSample()
        const size = this.#exemplarSize(reader, reader.span(end))
        if (size === -1) this.#exemplarProblems++
        else this.#contentBytes += 1 + varintLength(size) + size
      } else if (tag === 0x2a) readMetadata(reader, reader.span(end), this.#metadata)
      else if (tag === 0x30) this.#createdMs = reader.int64()
      else reader.skip(tag & 7)
    }
    if (reader.position !== end) throw new MalformedProtobuf('a field reaches past its message')
  }

  #write(reader: ProtobufReader, end: number): void {
    const out = this.#out
    while (reader.position < end) {
      const tag = reader.varint()
      const fieldFrom = reader.position
      if (tag === 0x12 || tag === 0x1a) {
        reader.position = reader.span(end)
        out.byte(tag === 0x12 ? 0x12 : 0x22)
        out.put(reader.bytes, fieldFrom, reader.position)
      } else if (tag === 0x22) this.#writeExemplar(reader, reader.span(end))
      else reader.skip(tag & 7)
    }
  }

  /** @returns −1 when its labels cannot be written */
  #exemplarSize(reader: ProtobufReader, end: number): number {
    let rest = 0
    this.#exemplarLabels.clear()
    while (reader.position < end) {
      const from = reader.position
      const tag = reader.varint()
      if (tag === 0x0a || tag === 0x08) this.#exemplarLabels.read(reader, tag, end)
      else {
        reader.skip(tag & 7)
        rest += reader.position - from
      }
    }
    if (reader.position !== end) throw new MalformedProtobuf('a field reaches past its message')
    return this.#exemplarLabels.problem(this.#symbols, this.#limits) === undefined
      ? this.#exemplarLabels.size(this.#symbols) + rest
      : -1
  }

  #writeExemplar(reader: ProtobufReader, end: number): void {
    const start = reader.position
    const size = this.#exemplarSize(reader, end)
    if (size === -1) return
    this.#out.tag(0x1a, size)
    this.#exemplarLabels.write(this.#out, this.#symbols)
    reader.position = start
    while (reader.position < end) {
      const from = reader.position
      const tag = reader.varint()
      reader.skip(tag & 7)
      if (tag !== 0x0a && tag !== 0x08) this.#out.put(reader.bytes, from, reader.position)
    }
  }

  #writeZero(): void {
    const out = this.#out
    out.tag(0x12, 9 + 1 + varintLength(this.#createdMs))
    out.byte(0x09)
    for (let i = 0; i < 8; i++) out.byte(0)
    out.tag(0x10, this.#createdMs)
  }
}

function timeOf(reader: ProtobufReader, end: number): number {
  let timestampMs = 0
  while (reader.position < end) {
    const tag = reader.varint()
    if (tag === 0x10) timestampMs = reader.int64()
    else reader.skip(tag & 7)
  }
  return timestampMs
}
