// A protobuf reader driven by the table in schema.ts (https://protobuf.dev/programming-guides/encoding/). Lengths are
// compared with what is there before anything is read, and nesting is bounded.
import { CodedError } from '#core/errors.ts'
import type { FieldType, MessageType } from './schema.ts'

export type Message = Record<string, unknown>

const depthMax = 40

interface Cursor {
  bytes: Buffer
  at: number
  end: number
  made: Made
}

/** Two bytes can ask for an object: how many are made is bounded, not only the bytes. */
interface Made {
  values: number
  readonly valuesMax: number
}

/** @throws CodedError `body.invalid`, `body.too-deep`, `body.too-many` */
export function decodeMessage(bytes: Buffer, type: MessageType, valuesMax: number): Message {
  return readMessage({ bytes, at: 0, end: bytes.length, made: { values: 0, valuesMax } }, type, 0)
}

function count(made: Made): void {
  if (++made.values > made.valuesMax) throw new CodedError('body.too-many', { limit: made.valuesMax })
}

function readMessage(cursor: Cursor, type: MessageType, depth: number): Message {
  if (depth > depthMax) throw new CodedError('body.too-deep', { limit: depthMax })
  count(cursor.made)
  const message: Message = {}
  while (cursor.at < cursor.end) {
    const tag = readVarint(cursor)
    const wire = tag & 7
    const field = type[tag >>> 3]
    if (!field) {
      skip(cursor, wire)
      continue
    }
    if (!field.repeated) message[field.name] = readValue(cursor, field.type, wire, depth)
    else {
      message[field.name] ??= []
      const list = message[field.name] as unknown[]
      if (wire === 2 && isPackable(field.type)) readPacked(cursor, field.type, list)
      else {
        if (typeof field.type === 'string') count(cursor.made)
        list.push(readValue(cursor, field.type, wire, depth))
      }
    }
  }
  return message
}

function isPackable(type: FieldType): boolean {
  return typeof type === 'string' && type !== 'string' && type !== 'bytes'
}

const wireOf: Record<Extract<FieldType, string>, number> = {
  ...{ string: 2, bytes: 2, bool: 0, int64: 0, uint64: 0, sint32: 0, uint32: 0 },
  ...{ double: 1, fixed64: 1, sfixed64: 1 },
}

function readValue(cursor: Cursor, type: FieldType, wire: number, depth: number): unknown {
  if (wire !== (typeof type === 'string' ? wireOf[type] : 2))
    throw broken('a field has another wire type than it should')
  if (typeof type !== 'string') {
    const inner = slice(cursor)
    return readMessage({ ...cursor, at: inner.start, end: inner.end }, type, depth + 1)
  }
  switch (type) {
    case 'string': {
      const { start, end } = slice(cursor)
      return cursor.bytes.toString('utf8', start, end)
    }
    case 'bytes': {
      const { start, end } = slice(cursor)
      return cursor.bytes.subarray(start, end)
    }
    default:
      return readScalar(cursor, type)
  }
}

function readScalar(cursor: Cursor, type: Exclude<Extract<FieldType, string>, 'string' | 'bytes'>): unknown {
  switch (type) {
    case 'bool':
      return readVarint(cursor) !== 0
    case 'uint32':
      return readVarint(cursor) >>> 0
    case 'sint32': {
      const value = readVarint(cursor)
      return (value >>> 1) ^ -(value & 1)
    }
    case 'int64':
      return readVarint64(cursor, true)
    case 'uint64':
      return readVarint64(cursor, false)
    case 'double':
      return cursor.bytes.readDoubleLE(eight(cursor))
    case 'fixed64':
      return cursor.bytes.readBigUInt64LE(eight(cursor))
    case 'sfixed64':
      return Number(cursor.bytes.readBigInt64LE(eight(cursor)))
  }
}

function readPacked(cursor: Cursor, type: FieldType, list: unknown[]): void {
  const { start, end } = slice(cursor)
  const inner: Cursor = { ...cursor, at: start, end }
  while (inner.at < end) {
    count(cursor.made)
    list.push(readScalar(inner, type as 'double'))
  }
}

/** The low 32 bits; enough for tags, lengths, enums and flags. */
function readVarint(cursor: Cursor): number {
  let value = 0
  for (let shift = 0; shift < 70; shift += 7) {
    if (cursor.at >= cursor.end) throw broken('it ends within a number')
    const byte = cursor.bytes[cursor.at++]!
    if (shift < 32) value |= (byte & 0x7f) << shift
    if (byte < 0x80) return value >>> 0
  }
  throw broken('a number has more than ten bytes')
}

function readVarint64(cursor: Cursor, signed: boolean): number {
  let value = 0n
  for (let shift = 0n; shift < 70n; shift += 7n) {
    if (cursor.at >= cursor.end) throw broken('it ends within a number')
    const byte = cursor.bytes[cursor.at++]!
    value |= BigInt(byte & 0x7f) << shift
    if (byte < 0x80) return Number(signed ? BigInt.asIntN(64, value) : BigInt.asUintN(64, value))
  }
  throw broken('a number has more than ten bytes')
}

function slice(cursor: Cursor): { start: number; end: number } {
  const length = readVarint(cursor)
  const start = cursor.at
  if (length > cursor.end - start) throw broken(`a field claims ${length} bytes where ${cursor.end - start} are left`)
  cursor.at = start + length
  return { start, end: cursor.at }
}

function eight(cursor: Cursor): number {
  const start = cursor.at
  if (cursor.end - start < 8) throw broken('it ends within a number')
  cursor.at = start + 8
  return start
}

function skip(cursor: Cursor, wire: number): void {
  if (wire === 0) readVarint(cursor)
  else if (wire === 1) eight(cursor)
  else if (wire === 2) slice(cursor)
  else if (wire === 5 && cursor.end - cursor.at >= 4) cursor.at += 4
  else throw broken(`a field has the wire type ${wire}`)
}

function broken(cause: string): CodedError {
  return new CodedError('body.invalid', { cause: `it is not this protobuf message: ${cause}` })
}
