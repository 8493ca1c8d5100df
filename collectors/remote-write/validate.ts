// Checks a `prometheus.WriteRequest` in place, series by series and sample by sample, and leaves out what is wrong. One
// that is right is passed on as it came: nothing is copied, no string is built.
import { readHistogram } from '#core/histogram-protobuf.ts'
import { MalformedProtobuf, ProtobufReader } from '#core/protobuf-reader.ts'
import { checkLabels, isText } from './check-labels.ts'
import { Kept } from './kept.ts'
import { Brought, type Limits } from './limits.ts'
import { describeLabels, type Reason, Refusals } from './refusals.ts'

export interface Validated {
  /** What may be kept: the request itself when all of it may. */
  bytes: Uint8Array
  samples: number
  histograms: number
  exemplars: number
  refusals: Refusals
}

export interface LeftOut {
  refusals: Refusals
  /** Numbers of series that are not there any more, ascending from 1. */
  series: readonly number[]
}

/** Of one series; made once and used for all of them. */
interface Found {
  samples: number
  histograms: number
  exemplars: number
  /** Why none of the series stays. */
  labels: Reason | undefined
  /** What does not stay of it, each as reason, from, to. */
  reasons: Reason[]
  ranges: number[]
}

/** @param before what was left out already, when it was 2.0 @throws MalformedProtobuf: nothing of the request can be trusted then. */
export function validateWriteRequest(bytes: Uint8Array, limits: Limits, before?: LeftOut): Validated {
  const refusals = before?.refusals ?? new Refusals()
  const reader = new ProtobufReader(bytes)
  const brought = new Brought(limits)
  const kept = new Kept(bytes)
  const total: Validated = { bytes, samples: 0, histograms: 0, exemplars: 0, refusals }
  const found: Found = { samples: 0, histograms: 0, exemplars: 0, labels: undefined, reasons: [], ranges: [] }
  while (reader.position < bytes.length) {
    const start = reader.position
    const tag = reader.varint()
    if (tag !== 0x0a) {
      // Symbols and series of 2.0: taken for 1.0 there would be nothing in it, and all would seem well.
      if (tag === 0x22 || tag === 0x2a) throw new MalformedProtobuf('it is a request of 2.0, sent as 1.0')
      reader.skip(tag & 7)
      continue
    }
    brought.addSeries()
    const end = reader.span()
    const from = reader.position
    checkSeries(reader, end, limits, brought, found)
    reader.position = end
    const { labels, reasons, ranges } = found
    if (labels === undefined && reasons.length === 0) {
      total.samples += found.samples
      total.histograms += found.histograms
      total.exemplars += found.exemplars
      continue
    }
    const where = (): string =>
      `${describeLabels(bytes, from, end)}, series ${numberBefore(brought.series, before?.series ?? [])} of the request`
    const good = found.samples + found.histograms + found.exemplars
    if (labels !== undefined || good === 0) {
      if (labels !== undefined) refusals.add(labels, Math.max(1, good + reasons.length), where)
      else for (const reason of reasons) refusals.add(reason, 1, where)
      kept.leaveOut(start, end)
      continue
    }
    for (const reason of reasons) refusals.add(reason, 1, where)
    kept.leaveOutWithin(0x0a, start, from, end, ranges)
    total.samples += found.samples
    total.histograms += found.histograms
    total.exemplars += found.exemplars
  }
  total.bytes = kept.finish()
  return total
}

function numberBefore(number: number, leftOut: readonly number[]): number {
  let before = number
  for (const one of leftOut) if (one <= before) before++
  return before
}

/** Everything is looked at even after a problem, so that the counts are right. */
function checkSeries(reader: ProtobufReader, end: number, limits: Limits, brought: Brought, found: Found): void {
  found.samples = found.histograms = found.exemplars = 0
  found.reasons.length = 0
  found.ranges.length = 0
  found.labels = checkLabels(reader, end, limits)
  while (reader.position < end) {
    const from = reader.position
    const tag = reader.varint()
    let reason: Reason | undefined
    if (tag === 0x12) {
      brought.addSample()
      reason = checkSample(reader, reader.span(end), limits)
      if (reason === undefined) found.samples++
    } else if (tag === 0x22) {
      brought.addSample()
      reason = checkHistogram(reader, reader.span(end), limits)
      if (reason === undefined) found.histograms++
    } else if (tag === 0x1a) {
      brought.addSample()
      reason = checkExemplar(reader, reader.span(end), limits)
      if (reason === undefined) found.exemplars++
    } else if (tag === 0x0a) throw new MalformedProtobuf('labels after samples')
    else {
      reader.skip(tag & 7)
      continue
    }
    if (reason === undefined) continue
    found.reasons.push(reason)
    found.ranges.push(from, reader.position)
  }
  if (reader.position > end) throw new MalformedProtobuf('a field reaches past its message')
  if (found.samples + found.histograms + found.exemplars + found.reasons.length === 0) found.labels ??= 'no-samples'
}

function checkTime(timestampMs: number, { earliestMs, latestMs }: Limits): Reason | undefined {
  if (timestampMs > latestMs) return 'too-far-ahead'
  return timestampMs < earliestMs ? 'too-old' : undefined
}

function checkSample(reader: ProtobufReader, end: number, limits: Limits): Reason | undefined {
  let timestampMs = 0
  while (reader.position < end) {
    const tag = reader.varint()
    if (tag === 0x10) timestampMs = reader.int64()
    else reader.skip(tag & 7)
  }
  if (reader.position === end) return checkTime(timestampMs, limits)
  reader.position = end
  return 'invalid-sample'
}

function checkHistogram(reader: ProtobufReader, end: number, limits: Limits): Reason | undefined {
  try {
    return checkTime(readHistogram(reader, end).timestampMs, limits)
  } catch (error) {
    if (!(error instanceof MalformedProtobuf)) throw error
    reader.position = end
    return 'invalid-histogram'
  }
}

/** The bound of OpenMetrics, in characters of all names and values. */
const exemplarCharsMax = 128

function checkExemplar(reader: ProtobufReader, end: number, limits: Limits): Reason | undefined {
  let timestampMs = 0
  let chars = 0
  try {
    while (reader.position < end) {
      const tag = reader.varint()
      if (tag === 0x18) timestampMs = reader.int64()
      else if (tag === 0x0a) chars += exemplarLabelChars(reader, reader.span(end))
      else reader.skip(tag & 7)
    }
  } catch (error) {
    if (!(error instanceof MalformedProtobuf)) throw error
    chars = Number.POSITIVE_INFINITY
  }
  if (reader.position !== end || chars > exemplarCharsMax) {
    reader.position = end
    return 'invalid-exemplar'
  }
  return checkTime(timestampMs, limits)
}

/** @throws MalformedProtobuf when it is no label of valid UTF-8 */
function exemplarLabelChars(reader: ProtobufReader, end: number): number {
  let chars = 0
  while (reader.position < end) {
    const tag = reader.varint()
    const to = reader.span(end)
    if ((tag !== 0x0a && tag !== 0x12) || !isText(reader.bytes, reader.position, to))
      throw new MalformedProtobuf('a label is not a name and a value')
    for (; reader.position < to; reader.position++) if ((reader.bytes[reader.position]! & 0xc0) !== 0x80) chars++
  }
  return chars
}
