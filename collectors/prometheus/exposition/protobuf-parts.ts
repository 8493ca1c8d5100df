// Parts of the protobuf exposition that several messages have.
//
//   LabelPair { 1 name 2 value }     Exemplar { 1 LabelPair… 2 value 3 Timestamp{ 1 seconds 2 nanos } }
import { MalformedProtobuf, type ProtobufReader } from '#core/protobuf-reader.ts'
import type { Exemplar } from '#core/sample.ts'

/** @throws MalformedProtobuf when the last field of a message went beyond it */
export function closeMessage(reader: ProtobufReader, end: number): void {
  if (reader.position > end) throw new MalformedProtobuf('a field reaches past its message')
}

export function readLabel(reader: ProtobufReader, end: number): [name: string, value: string] {
  const label: [string, string] = ['', '']
  while (reader.position < end) {
    const tag = reader.varint()
    if (tag === 0x0a) label[0] = reader.text(end)
    else if (tag === 0x12) label[1] = reader.text(end)
    else reader.skip(tag & 7)
  }
  closeMessage(reader, end)
  return label
}

/** Its time is NaN when it has none. */
export function readExemplar(reader: ProtobufReader, end: number): Exemplar {
  const exemplar: Exemplar = { labels: {}, value: 0, timestampMs: Number.NaN }
  while (reader.position < end) {
    const tag = reader.varint()
    if (tag === 0x0a) {
      const [name, value] = readLabel(reader, reader.span(end))
      if (name !== '' && name !== '__proto__' && value !== '') exemplar.labels[name] = value
    } else if (tag === 0x11) exemplar.value = reader.double()
    else if (tag === 0x1a) exemplar.timestampMs = readTimestamp(reader, reader.span(end))
    else reader.skip(tag & 7)
  }
  closeMessage(reader, end)
  return exemplar
}

function readTimestamp(reader: ProtobufReader, end: number): number {
  let [seconds, nanos] = [0, 0]
  while (reader.position < end) {
    const tag = reader.varint()
    if (tag === 0x08) seconds = reader.int64()
    else if (tag === 0x10) nanos = reader.int64()
    else reader.skip(tag & 7)
  }
  closeMessage(reader, end)
  return seconds * 1000 + Math.floor(nanos / 1e6)
}
