// Checks a `prometheus.WriteRequest` in place, series by series, and leaves out what is wrong. One that is right is
// passed on as it came: nothing is copied, no string is built.
import { isUtf8 } from 'node:buffer'
import { readHistogram } from '#core/histogram-protobuf.ts'
import { MalformedProtobuf, ProtobufReader } from '#core/protobuf-reader.ts'

export interface Limits {
  labelsMax: number
  labelNameBytesMax: number
  labelValueBytesMax: number
  earliestMs: number
  latestMs: number
}

export interface Validated {
  /** What may be kept: the request itself when all of it may. */
  bytes: Uint8Array
  samples: number
  histograms: number
  exemplars: number
  /** Samples and histograms left out, by reason. A series without any counts as one. */
  refused: Record<string, number>
  /** About the first of them, for the sender. */
  problem: string
}

export type Reason =
  | 'label-empty'
  | 'label-order'
  | 'label-duplicate'
  | 'label-limit'
  | 'label-length'
  | 'label-utf8'
  | 'no-name'
  | 'too-far-ahead'
  | 'too-old'
  | 'invalid-histogram'

const words: Record<Reason, string> = {
  'label-empty': 'a label has no name or no value',
  'label-order': 'the labels are not sorted by name',
  'label-duplicate': 'a label name is there twice',
  'label-limit': 'there are too many labels',
  'label-length': 'a label name or value is too long',
  'label-utf8': 'a label is not valid UTF-8',
  'no-name': 'there is no metric name',
  'too-far-ahead': 'a timestamp is too far in the future',
  'too-old': 'a timestamp is too old',
  'invalid-histogram': 'a histogram contradicts itself',
}

interface Counts {
  samples: number
  histograms: number
  exemplars: number
}

/** @throws MalformedProtobuf: nothing of the request can be trusted then. */
export function validateWriteRequest(bytes: Uint8Array, limits: Limits): Validated {
  const reader = new ProtobufReader(bytes)
  const total: Counts = { samples: 0, histograms: 0, exemplars: 0 }
  const refused: Record<string, number> = {}
  let problem = ''
  const kept: Uint8Array[] = []
  let keptFrom = 0
  const counts: Counts = { samples: 0, histograms: 0, exemplars: 0 }
  while (reader.position < bytes.length) {
    const start = reader.position
    const tag = reader.varint()
    if (tag !== 0x0a) {
      reader.skip(tag & 7)
      continue
    }
    const end = reader.span()
    const labelsFrom = reader.position
    counts.samples = counts.histograms = counts.exemplars = 0
    const reason = checkSeries(reader, end, limits, counts)
    reader.position = end
    if (reason === undefined) {
      total.samples += counts.samples
      total.histograms += counts.histograms
      total.exemplars += counts.exemplars
      continue
    }
    refused[reason] = (refused[reason] ?? 0) + Math.max(1, counts.samples + counts.histograms)
    if (problem === '') problem = `${words[reason]}: ${labelsText(bytes, labelsFrom, end)}`
    kept.push(bytes.subarray(keptFrom, start))
    keptFrom = end
  }
  if (keptFrom === 0) return { bytes, ...total, refused, problem }
  kept.push(bytes.subarray(keptFrom))
  return { bytes: Buffer.concat(kept), ...total, refused, problem }
}

/** Everything is looked at even after a problem, so that the counts are right. */
function checkSeries(reader: ProtobufReader, end: number, limits: Limits, counts: Counts): Reason | undefined {
  let reason = checkLabels(reader, end, limits)
  while (reader.position < end) {
    const tag = reader.varint()
    if (tag === 0x12) {
      counts.samples++
      const at = readTimestamp(reader, reader.span(end), 0x10)
      reason ??= checkTime(at, limits)
    } else if (tag === 0x22) {
      counts.histograms++
      reason ??= checkHistogram(reader, reader.span(end), limits)
    } else if (tag === 0x1a) {
      counts.exemplars++
      reader.position = reader.span(end)
    } else if (tag === 0x0a) throw new MalformedProtobuf('labels after samples')
    else reader.skip(tag & 7)
  }
  if (reader.position > end) throw new MalformedProtobuf('a field reaches past its message')
  return reason
}

const nameLabel = Buffer.from('__name__')

function checkLabels(reader: ProtobufReader, end: number, limits: Limits): Reason | undefined {
  const { bytes } = reader
  let reason: Reason | undefined
  let labels = 0
  let hasName = false
  let lastFrom = 0
  let lastTo = 0
  while (reader.position < end && bytes[reader.position] === 0x0a) {
    reader.position++
    const labelEnd = reader.span(end)
    labels++
    let nameFrom = 0
    let nameTo = 0
    let valueFrom = 0
    let valueTo = 0
    while (reader.position < labelEnd) {
      const tag = reader.varint()
      if (tag === 0x0a && nameTo === 0 && valueTo === 0) {
        nameTo = reader.span(labelEnd)
        nameFrom = reader.position
        reader.position = nameTo
      } else if (tag === 0x12 && valueTo === 0) {
        valueTo = reader.span(labelEnd)
        valueFrom = reader.position
        reader.position = valueTo
      } else throw new MalformedProtobuf('a label is not a name and a value')
    }
    if (nameTo === nameFrom || valueTo === valueFrom) reason ??= 'label-empty'
    else if (nameTo - nameFrom > limits.labelNameBytesMax || valueTo - valueFrom > limits.labelValueBytesMax)
      reason ??= 'label-length'
    else {
      if (lastTo > 0) {
        const order = compare(bytes, lastFrom, lastTo, nameFrom, nameTo)
        if (order > 0) reason ??= 'label-order'
        else if (order === 0) reason ??= 'label-duplicate'
      }
      hasName ||= nameTo - nameFrom === nameLabel.length && equals(bytes, nameFrom, nameLabel)
      if (!isText(bytes, nameFrom, nameTo) || !isText(bytes, valueFrom, valueTo)) reason ??= 'label-utf8'
    }
    lastFrom = nameFrom
    lastTo = nameTo
  }
  if (labels > limits.labelsMax) reason ??= 'label-limit'
  if (!hasName) reason ??= 'no-name'
  return reason
}

function checkTime(timestampMs: number, { earliestMs, latestMs }: Limits): Reason | undefined {
  if (timestampMs > latestMs) return 'too-far-ahead'
  return timestampMs < earliestMs ? 'too-old' : undefined
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

function readTimestamp(reader: ProtobufReader, end: number, wanted: number): number {
  let timestampMs = 0
  while (reader.position < end) {
    const tag = reader.varint()
    if (tag === wanted) timestampMs = reader.int64()
    else reader.skip(tag & 7)
  }
  if (reader.position > end) throw new MalformedProtobuf('a field reaches past its message')
  return timestampMs
}

/** Of two names, byte by byte, as Prometheus sorts. */
function compare(bytes: Uint8Array, aFrom: number, aTo: number, bFrom: number, bTo: number): number {
  const length = Math.min(aTo - aFrom, bTo - bFrom)
  for (let i = 0; i < length; i++) {
    const difference = bytes[aFrom + i]! - bytes[bFrom + i]!
    if (difference !== 0) return difference
  }
  return aTo - aFrom - (bTo - bFrom)
}

function equals(bytes: Uint8Array, from: number, text: Uint8Array): boolean {
  for (let i = 0; i < text.length; i++) if (bytes[from + i] !== text[i]) return false
  return true
}

function isText(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (bytes[i]! >= 0x80) return isUtf8(bytes.subarray(from, to))
  return true
}

const textBytesMax = 200

/** Enough of the labels for a person to find the series. */
function labelsText(bytes: Uint8Array, from: number, end: number): string {
  const text = Buffer.from(bytes.subarray(from, Math.min(end, from + textBytesMax))).toString('utf8')
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the bytes between the labels are protobuf's own.
  return text.replace(/[\u0000-\u001f\u007f\ufffd]+/g, ' ').trim()
}
