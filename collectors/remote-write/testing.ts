// Builds requests of remote write for tests, right and wrong ones, from the schemas and apart from the product's code.
import { Writer } from 'protobufjs'
// @ts-expect-error: it has no declarations.
import { compress as untyped } from 'snappyjs'

export const compress: (bytes: Uint8Array) => Buffer = untyped

type Text = string | Uint8Array

export interface TestSeries {
  labels: readonly (readonly [name: Text, value: Text])[]
  /** A value may be given by its bits. */
  samples?: readonly (readonly [timestampMs: number | string, value: number | bigint])[]
  histograms?: readonly TestHistogram[]
  exemplars?: readonly { labels: readonly (readonly [Text, Text])[]; value: number; timestampMs: number }[]
}

export interface TestHistogram {
  timestampMs: number
  /** Integers with deltas, or floats with counts. */
  kind: 'integer' | 'float'
  count: number
  sum: number
  schema: number
  zeroCount?: number
  positiveSpans: readonly (readonly [offset: number, length: number])[]
  positive: readonly number[]
  customValues?: readonly number[]
}

export function v1Request(series: readonly TestSeries[]): Uint8Array {
  const writer = Writer.create()
  for (const one of series) {
    writer.uint32(0x0a).fork()
    putLabels(writer, one.labels)
    for (const [timestampMs, value] of one.samples ?? []) putSample(writer.uint32(0x12), timestampMs, value)
    for (const histogram of one.histograms ?? []) putHistogram(writer.uint32(0x22), histogram)
    for (const { labels, value, timestampMs } of one.exemplars ?? []) {
      writer.uint32(0x1a).fork()
      putLabels(writer, labels)
      writer.uint32(0x11).double(value).uint32(0x18).int64(timestampMs).ldelim()
    }
    writer.ldelim()
  }
  return writer.finish()
}

/** @param more series that name symbols by number, whatever these are */
export function v2Request(
  series: readonly TestSeries[],
  more: readonly { refs: number[]; timestampMs: number }[] = [],
): Uint8Array {
  const symbols: Uint8Array[] = [new Uint8Array(0)]
  const symbol = (text: Text): number => {
    const bytes = Buffer.from(text as string)
    const known = symbols.findIndex((one) => bytes.equals(one))
    return known === -1 ? symbols.push(bytes) - 1 : known
  }
  const refs = (labels: TestSeries['labels']): number[] =>
    labels.flatMap(([name, value]) => [symbol(name), symbol(value)])
  const body = Writer.create()
  const putRefs = (list: readonly number[]): void => {
    body.uint32(0x0a).fork()
    for (const ref of list) body.uint32(ref)
    body.ldelim()
  }
  for (const one of series) {
    body.uint32(0x2a).fork()
    putRefs(refs(one.labels))
    for (const [timestampMs, value] of one.samples ?? []) putSample(body.uint32(0x12), timestampMs, value)
    for (const histogram of one.histograms ?? []) putHistogram(body.uint32(0x1a), histogram)
    for (const { labels, value, timestampMs } of one.exemplars ?? []) {
      body.uint32(0x22).fork()
      putRefs(refs(labels))
      body.uint32(0x11).double(value).uint32(0x18).int64(timestampMs).ldelim()
    }
    body.ldelim()
  }
  for (const { refs: own, timestampMs } of more) {
    body.uint32(0x2a).fork()
    putRefs(own)
    putSample(body.uint32(0x12), timestampMs, 1)
    body.ldelim()
  }
  const head = Writer.create()
  for (const bytes of symbols) head.uint32(0x22).bytes(bytes)
  return Buffer.concat([head.finish(), body.finish()])
}

function putLabels(writer: Writer, labels: TestSeries['labels']): void {
  for (const [name, value] of labels)
    writer
      .uint32(0x0a)
      .fork()
      .uint32(0x0a)
      .bytes(Buffer.from(name as string))
      .uint32(0x12)
      .bytes(Buffer.from(value as string))
      .ldelim()
}

function putSample(writer: Writer, timestampMs: number | string, value: number | bigint): void {
  writer.fork().uint32(0x09)
  if (typeof value === 'bigint') writer.fixed64(value.toString())
  else writer.double(value)
  writer.uint32(0x10).int64(timestampMs).ldelim()
}

function putHistogram(writer: Writer, histogram: TestHistogram): void {
  const { timestampMs, kind, count, sum, schema, zeroCount = 0, positiveSpans, positive, customValues = [] } = histogram
  const isInteger = kind === 'integer'
  writer.fork()
  if (isInteger) writer.uint32(0x08).int64(count)
  else writer.uint32(0x11).double(count)
  writer.uint32(0x19).double(sum).uint32(0x20).sint32(schema)
  if (isInteger) writer.uint32(0x30).int64(zeroCount)
  else writer.uint32(0x39).double(zeroCount)
  for (const [offset, length] of positiveSpans)
    writer.uint32(0x5a).fork().uint32(0x08).sint32(offset).uint32(0x10).uint32(length).ldelim()
  writer.uint32(isInteger ? 0x62 : 0x6a).fork()
  for (const one of positive) isInteger ? writer.sint64(one) : writer.double(one)
  writer.ldelim().uint32(0x78).int64(timestampMs)
  if (customValues.length > 0) {
    writer.uint32(0x82).fork()
    for (const bound of customValues) writer.double(bound)
    writer.ldelim()
  }
  writer.ldelim()
}
