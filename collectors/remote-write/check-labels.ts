// The labels of a series as bytes: order, lengths and text, without building a string.
import { isUtf8 } from 'node:buffer'
import { MalformedProtobuf, type ProtobufReader } from '#core/protobuf-reader.ts'
import type { Limits } from './limits.ts'
import type { Reason } from './refusals.ts'

const nameLabel = Buffer.from('__name__')

/** Leaves the reader behind the labels. @throws MalformedProtobuf when they are no labels */
export function checkLabels(reader: ProtobufReader, end: number, limits: Limits): Reason | undefined {
  const { bytes, view } = reader
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
      if (!isAscii(view, nameFrom, valueTo) && !(isText(bytes, nameFrom, nameTo) && isText(bytes, valueFrom, valueTo)))
        reason ??= 'label-utf8'
    }
    lastFrom = nameFrom
    lastTo = nameTo
  }
  if (labels > limits.labelsMax) reason ??= 'label-limit'
  if (!hasName) reason ??= 'no-name'
  return reason
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

/** Four bytes at a time. What stands between name and value is a tag and a length, which may look like text or not. */
function isAscii(view: DataView, from: number, to: number): boolean {
  let i = from
  for (; i + 3 < to; i += 4) if ((view.getInt32(i, true) & 0x80808080) !== 0) return false
  for (; i < to; i++) if (view.getUint8(i) >= 0x80) return false
  return true
}

export function isText(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (bytes[i]! >= 0x80) return isUtf8(bytes.subarray(from, to))
  return true
}
