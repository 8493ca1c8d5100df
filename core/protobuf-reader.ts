// Reads protobuf's wire format in place, without objects. Whatever the bytes are, it ends: every length is checked
// against what is left, and a number has ten bytes at most.

export class MalformedProtobuf extends Error {}

const utf8 = new TextDecoder('utf-8', { fatal: true })

export class ProtobufReader {
  readonly bytes: Uint8Array
  readonly view: DataView
  position = 0

  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  /** Unsigned, exact up to 2^53. */
  varint(): number {
    const first = this.bytes[this.position]!
    if (first < 0x80) {
      this.position++
      return first
    }
    let value = 0
    let scale = 1
    for (let i = 0; i < 10; i++) {
      const byte = this.bytes[this.position++]
      if (byte === undefined) throw new MalformedProtobuf('truncated number')
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      scale *= 128
    }
    throw new MalformedProtobuf('number longer than 10 bytes')
  }

  /** Two's complement in 64 bits; negative numbers come as ten bytes. */
  int64(): number {
    const start = this.position
    const value = this.varint()
    if (this.position - start < 10) return value
    return Number(BigInt.asIntN(64, this.#exact(start)))
  }

  /** Zigzag, as of sint32 and sint64. */
  sint64(): number {
    const start = this.position
    const value = this.varint()
    if (value <= Number.MAX_SAFE_INTEGER) return value % 2 === 0 ? value / 2 : -(value + 1) / 2
    const exact = this.#exact(start)
    return Number((exact >> 1n) ^ -(exact & 1n))
  }

  double(): number {
    if (this.position + 8 > this.bytes.length) throw new MalformedProtobuf('truncated value')
    const value = this.view.getFloat64(this.position, true)
    this.position += 8
    return value
  }

  float(): number {
    if (this.position + 4 > this.bytes.length) throw new MalformedProtobuf('truncated value')
    const value = this.view.getFloat32(this.position, true)
    this.position += 4
    return value
  }

  /** Reads a length and returns where the span ends. */
  span(within = this.bytes.length): number {
    const length = this.varint()
    const end = this.position + length
    if (end > within) throw new MalformedProtobuf('a length reaches past the end')
    return end
  }

  /** @throws MalformedProtobuf for invalid UTF-8 */
  text(within = this.bytes.length): string {
    const end = this.span(within)
    const text = textOf(this.bytes, this.position, end)
    this.position = end
    return text
  }

  skip(wireType: number): void {
    if (wireType === 0) this.varint()
    else if (wireType === 1) this.position += 8
    else if (wireType === 2) this.position = this.span()
    else if (wireType === 5) this.position += 4
    else throw new MalformedProtobuf(`wire type ${wireType}`)
    if (this.position > this.bytes.length) throw new MalformedProtobuf('truncated field')
  }

  #exact(start: number): bigint {
    let exact = 0n
    for (let i = start, shift = 0n; i < this.position; i++, shift += 7n) exact |= BigInt(this.bytes[i]! & 0x7f) << shift
    return BigInt.asUintN(64, exact)
  }
}

/** Names and values are short and mostly ASCII: for those the loop is quicker than the decoder. */
export function textOf(bytes: Uint8Array, from: number, to: number): string {
  if (to - from < 24) {
    let text = ''
    let i = from
    for (; i < to && bytes[i]! < 0x80; i++) text += String.fromCharCode(bytes[i]!)
    if (i === to) return text
  }
  try {
    return utf8.decode(bytes.subarray(from, to))
  } catch {
    throw new MalformedProtobuf('invalid UTF-8')
  }
}
