// A histogram of the protobuf exposition, which may be classic, native or both (client_model, message Histogram).
//
//   1 sample_count:uint64 | 4 sample_count_float   2 sample_sum
//   3 Bucket { 1 cumulative_count:uint64 | 4 cumulative_count_float   2 upper_bound   3 Exemplar }…
//   5 schema:sint32   6 zero_threshold   7 zero_count:uint64 | 8 zero_count_float
//   9, 12 negative and positive BucketSpan   10, 13 deltas:sint64   11, 14 counts:double   16 Exemplar…
import type { FloatHistogram } from '#core/histogram.ts'
import { type BucketSide, checkHistogram, countsOf, readNumbers, readSpan } from '#core/histogram-protobuf.ts'
import { MalformedProtobuf, type ProtobufReader } from '#core/protobuf-reader.ts'
import type { Exemplar } from '#core/sample.ts'
import { closeMessage, readExemplar } from './protobuf-parts.ts'

export interface ProtoHistogram {
  count: number
  sum: number
  buckets: { bound: number; count: number; exemplar: Exemplar | undefined }[]
  native: FloatHistogram | undefined
  exemplars: Exemplar[]
}

const exemplarsMax = 1000

/** @param isGauge its counts may fall without a reset. @throws MalformedProtobuf */
export function readProtoHistogram(reader: ProtobufReader, end: number, isGauge = false): ProtoHistogram {
  const found: ProtoHistogram = { count: 0, sum: 0, buckets: [], native: undefined, exemplars: [] }
  const positive: BucketSide = { spans: [], counts: [] }
  const negative: BucketSide = { spans: [], counts: [] }
  let [schema, zeroThreshold, zeroCount, isFloat] = [0, 0, 0, false]
  while (reader.position < end) {
    const tag = reader.varint()
    const field = Math.floor(tag / 8)
    if (tag === 0x08) found.count = Math.max(found.count, reader.varint())
    else if (tag === 0x21) {
      const count = reader.double()
      // A count of 0 that is written out says nothing about the others.
      if (count > 0) [found.count, isFloat] = [count, true]
    } else if (tag === 0x11) found.sum = reader.double()
    else if (tag === 0x1a) found.buckets.push(readBucket(reader, reader.span(end)))
    else if (tag === 0x28) schema = reader.sint64()
    else if (tag === 0x31) zeroThreshold = reader.double()
    else if (tag === 0x38) zeroCount = Math.max(zeroCount, reader.varint())
    else if (tag === 0x41) {
      const count = reader.double()
      if (count > 0) [zeroCount, isFloat] = [count, true]
    } else if (field === 9 || field === 12) readSpan(reader, field === 9 ? negative : positive, end)
    else if (field === 10 || field === 13)
      readNumbers(reader, tag & 7, (field === 10 ? negative : positive).counts, end, true)
    else if (field === 11 || field === 14) {
      isFloat = true
      readNumbers(reader, tag & 7, (field === 11 ? negative : positive).counts, end, false)
    } else if (tag === 0x82) addExemplar(reader, reader.span(end), found.exemplars)
    else reader.skip(tag & 7)
  }
  closeMessage(reader, end)
  // A native histogram without observations has a span of no length, or a zero bucket, to be known by.
  const isNative = positive.spans.length + negative.spans.length > 0 || zeroThreshold > 0 || zeroCount > 0
  if (!isNative) return found
  const [positiveBuckets, negativeBuckets] = [countsOf(positive, !isFloat), countsOf(negative, !isFloat)]
  const native: FloatHistogram = {
    ...{ schema, zeroThreshold, zeroCount, count: found.count, sum: found.sum, customValues: [] },
    counterResetHint: isGauge ? 'gauge' : 'unknown',
    ...{ positiveSpans: positive.spans, positiveBuckets, negativeSpans: negative.spans, negativeBuckets },
  }
  checkHistogram(native)
  return { ...found, native }
}

function readBucket(reader: ProtobufReader, end: number): ProtoHistogram['buckets'][number] {
  const bucket: ProtoHistogram['buckets'][number] = { bound: 0, count: 0, exemplar: undefined }
  while (reader.position < end) {
    const tag = reader.varint()
    if (tag === 0x08) bucket.count = Math.max(bucket.count, reader.varint())
    else if (tag === 0x21) bucket.count = Math.max(bucket.count, reader.double())
    else if (tag === 0x11) bucket.bound = reader.double()
    else if (tag === 0x1a) bucket.exemplar = readExemplar(reader, reader.span(end))
    else reader.skip(tag & 7)
  }
  closeMessage(reader, end)
  return bucket
}

function addExemplar(reader: ProtobufReader, end: number, into: Exemplar[]): void {
  if (into.length >= exemplarsMax) throw new MalformedProtobuf('a histogram has too many exemplars')
  into.push(readExemplar(reader, end))
}
