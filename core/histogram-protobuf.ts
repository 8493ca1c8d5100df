// A native histogram as it stands in `prometheus.WriteRequest` (prompb/types.proto, message Histogram; the same fields
// in remote write 2.0), on the way in and out.
//
//   1 count_int:uint64 | 2 count_float:double    3 sum:double   4 schema:sint32   5 zero_threshold:double
//   6 zero_count_int:uint64 | 7 zero_count_float:double         8, 11 negative and positive spans { 1 offset:sint32 2 length:uint32 }
//   9, 12 deltas:sint64 packed | 10, 13 counts:double packed    14 reset_hint   15 timestamp:int64   16 custom_values:double
import { type CounterResetHint, customBucketsSchema, type FloatHistogram, type HistogramSpan } from './histogram.ts'
import { MalformedProtobuf, type ProtobufReader } from './protobuf-reader.ts'
import { isStaleNaN, staleNaNBits } from './sample.ts'

export const histogramBucketsMax = 10_000
const resetHints: readonly CounterResetHint[] = ['unknown', 'reset', 'not-reset', 'gauge']

export interface HistogramSample {
  timestampMs: number
  histogram: FloatHistogram
}

/** Integer histograms become float histograms with absolute counts. @throws MalformedProtobuf when it contradicts itself. */
export function readHistogram(reader: ProtobufReader, end: number): HistogramSample {
  let timestampMs = 0
  let isInteger = false
  const histogram = {
    schema: 0,
    counterResetHint: 'unknown' as CounterResetHint,
    zeroThreshold: 0,
    zeroCount: 0,
    count: 0,
    sum: 0,
    customValues: [] as number[],
  }
  const positive: BucketSide = { spans: [], counts: [] }
  const negative: BucketSide = { spans: [], counts: [] }
  while (reader.position < end) {
    const tag = reader.varint()
    const field = Math.floor(tag / 8)
    if (tag === 0x08) {
      histogram.count = reader.varint()
      isInteger = true
    } else if (tag === 0x11) histogram.count = reader.double()
    else if (tag === 0x19) histogram.sum = reader.double()
    else if (tag === 0x20) histogram.schema = reader.sint64()
    else if (tag === 0x29) histogram.zeroThreshold = reader.double()
    else if (tag === 0x30) histogram.zeroCount = reader.varint()
    else if (tag === 0x39) histogram.zeroCount = reader.double()
    else if (tag === 0x70) histogram.counterResetHint = resetHints[reader.varint()] ?? 'unknown'
    else if (tag === 0x78) timestampMs = reader.int64()
    else if (field === 8 || field === 11) readSpan(reader, field === 8 ? negative : positive, end)
    else if (field === 9 || field === 12)
      readNumbers(reader, tag & 7, (field === 9 ? negative : positive).counts, end, true)
    else if (field === 10 || field === 13)
      readNumbers(reader, tag & 7, (field === 10 ? negative : positive).counts, end, false)
    else if (field === 16) readNumbers(reader, tag & 7, histogram.customValues, end, false)
    else reader.skip(tag & 7)
  }
  if (reader.position > end) throw new MalformedProtobuf('a field reaches past its message')
  const whole: FloatHistogram = {
    ...histogram,
    positiveSpans: positive.spans,
    positiveBuckets: countsOf(positive, isInteger),
    negativeSpans: negative.spans,
    negativeBuckets: countsOf(negative, isInteger),
  }
  checkHistogram(whole)
  if (isInteger) checkCount(whole)
  return { timestampMs, histogram: whole }
}

/** One side of a histogram as it is read. */
export interface BucketSide {
  spans: HistogramSpan[]
  counts: number[]
}

export function readSpan(reader: ProtobufReader, side: BucketSide, within: number): void {
  const end = reader.span(within)
  const span: HistogramSpan = { offset: 0, length: 0 }
  while (reader.position < end) {
    const tag = reader.varint()
    if (tag === 0x08) span.offset = reader.sint64()
    else if (tag === 0x10) span.length = reader.varint()
    else reader.skip(tag & 7)
  }
  if (side.spans.length >= histogramBucketsMax) throw new MalformedProtobuf('a histogram has too many spans')
  if (side.spans.length > 0 && span.offset < 0) throw new MalformedProtobuf('the spans of a histogram overlap')
  side.spans.push(span)
}

/** Packed or not, as the wire type says. */
export function readNumbers(
  reader: ProtobufReader,
  wireType: number,
  into: number[],
  within: number,
  isDelta: boolean,
): void {
  const end = wireType === 2 ? reader.span(within) : reader.position + 1
  while (reader.position < end) {
    if (into.length >= histogramBucketsMax) throw new MalformedProtobuf('a histogram has too many buckets')
    into.push(isDelta ? reader.sint64() : reader.double())
  }
  if (wireType === 2 && reader.position !== end) throw new MalformedProtobuf('a field reaches past its message')
}

/** Absolute counts. @throws MalformedProtobuf when spans and buckets disagree */
export function countsOf({ spans, counts }: BucketSide, isInteger: boolean): Float64Array {
  const wanted = spans.reduce((sum, { length }) => sum + length, 0)
  if (wanted !== counts.length)
    throw new MalformedProtobuf(`the spans of a histogram need ${wanted} buckets, it has ${counts.length}`)
  const absolute = new Float64Array(counts.length)
  let running = 0
  for (let i = 0; i < counts.length; i++) {
    running = isInteger ? running + counts[i]! : counts[i]!
    absolute[i] = running
  }
  return absolute
}

/** What Prometheus refuses (model/histogram, Validate). A stale marker (sum) says nothing else. */
export function checkHistogram(histogram: FloatHistogram): void {
  const { schema, positiveBuckets, negativeBuckets, customValues } = histogram
  if (schema === customBucketsSchema) checkCustom(histogram)
  else if (schema < -9 || schema > 52 || !Number.isInteger(schema))
    throw new MalformedProtobuf(`a histogram has schema ${schema}`)
  else if (customValues.length > 0) throw new MalformedProtobuf('an exponential histogram has custom bounds')
  if (histogram.count < 0 || histogram.zeroCount < 0) throw new MalformedProtobuf('a histogram has a negative count')
  for (const buckets of [positiveBuckets, negativeBuckets])
    for (const count of buckets) if (count < 0) throw new MalformedProtobuf('a histogram has a negative bucket')
}

function checkCustom(histogram: FloatHistogram): void {
  const { positiveSpans, negativeBuckets, negativeSpans, customValues, zeroCount, zeroThreshold } = histogram
  if (negativeBuckets.length + negativeSpans.length > 0 || zeroCount !== 0 || zeroThreshold !== 0)
    throw new MalformedProtobuf('a histogram with custom buckets has negative ones or one of zero')
  for (const [i, bound] of customValues.entries())
    if (!Number.isFinite(bound) || (i > 0 && bound <= customValues[i - 1]!))
      throw new MalformedProtobuf('custom bounds are not ascending')
  let reach = 0
  for (const { offset, length } of positiveSpans) {
    if (offset < 0) throw new MalformedProtobuf('the spans of a histogram overlap')
    reach += offset + length
  }
  if (reach > customValues.length + 1) throw new MalformedProtobuf('a histogram has more buckets than custom bounds')
}

/** All observations are in a bucket, unless some were NaN, which shows in the sum. Of float counts it cannot be asked. */
function checkCount({ count, zeroCount, sum, positiveBuckets, negativeBuckets }: FloatHistogram): void {
  let total = zeroCount
  for (const buckets of [positiveBuckets, negativeBuckets]) for (const one of buckets) total += one
  if (total > Number.MAX_SAFE_INTEGER) return
  if (Number.isNaN(sum) ? total > count : total !== count)
    throw new MalformedProtobuf(`the buckets of a histogram hold ${total} observations, its count is ${count}`)
}

/** As a float histogram, field tags included, in a message of its own without tag and length. */
export function histogramBytes({ timestampMs, histogram }: HistogramSample): Uint8Array {
  const out: number[] = []
  const float = new DataView(new ArrayBuffer(8))
  const raw = (value: number): void => {
    if (isStaleNaN(value)) float.setBigUint64(0, staleNaNBits, true)
    else float.setFloat64(0, value, true)
    for (let i = 0; i < 8; i++) out.push(float.getUint8(i))
  }
  const varint = (value: number): void => {
    let rest = value
    for (; rest >= 128; rest = Math.floor(rest / 128)) out.push((rest % 128) | 128)
    out.push(rest)
  }
  const zigzag = (value: number): void => varint(value >= 0 ? value * 2 : -value * 2 - 1)
  const double = (tag: number, value: number): void => {
    out.push(tag)
    raw(value)
  }
  const packed = (field: number, values: ArrayLike<number>): void => {
    if (values.length === 0) return
    varint(field * 8 + 2)
    varint(values.length * 8)
    for (let i = 0; i < values.length; i++) raw(values[i]!)
  }
  const spans = (field: number, list: readonly HistogramSpan[]): void => {
    for (const { offset, length } of list) {
      const at = out.length
      out.push(0x08)
      zigzag(offset)
      out.push(0x10)
      varint(length)
      const body = out.splice(at)
      varint(field * 8 + 2)
      varint(body.length)
      out.push(...body)
    }
  }
  double(0x11, histogram.count)
  double(0x19, histogram.sum)
  out.push(0x20)
  zigzag(histogram.schema)
  double(0x29, histogram.zeroThreshold)
  double(0x39, histogram.zeroCount)
  spans(8, histogram.negativeSpans)
  packed(10, histogram.negativeBuckets)
  spans(11, histogram.positiveSpans)
  packed(13, histogram.positiveBuckets)
  out.push(0x70)
  varint(resetHints.indexOf(histogram.counterResetHint))
  out.push(0x78)
  if (timestampMs >= 0) varint(timestampMs)
  else
    for (let rest = BigInt.asUintN(64, BigInt(timestampMs)), more = true; more; rest >>= 7n) {
      more = rest >= 128n
      out.push(Number(rest & 127n) | (more ? 128 : 0))
    }
  packed(16, histogram.customValues)
  return Uint8Array.from(out)
}
