// Protobuf that is being written, within a bound.
import { CodedError } from '#core/errors.ts'

export class Output {
  #buffer: Buffer
  readonly #bytesMax: number
  length = 0

  constructor(bytes: number, bytesMax: number) {
    this.#bytesMax = bytesMax
    this.#buffer = Buffer.allocUnsafe(Math.min(bytes, bytesMax))
  }

  byte(value: number): void {
    this.#room(1)
    this.#buffer[this.length++] = value
  }

  /** A tag of one byte and a varint: a length or a number. */
  tag(tag: number, value: number): void {
    this.#room(11)
    this.#buffer[this.length++] = tag
    let rest = value
    for (; rest >= 128; rest = Math.floor(rest / 128)) this.#buffer[this.length++] = (rest % 128) | 128
    this.#buffer[this.length++] = rest
  }

  put(bytes: Uint8Array, from: number, to: number): void {
    const count = to - from
    this.#room(count)
    if (count < 48) for (let i = 0; i < count; i++) this.#buffer[this.length + i] = bytes[from + i]!
    else this.#buffer.set(bytes.subarray(from, to), this.length)
    this.length += count
  }

  view(from: number): Uint8Array {
    return this.#buffer.subarray(from, this.length)
  }

  finish(): Buffer {
    return this.#buffer.subarray(0, this.length)
  }

  #room(count: number): void {
    const wanted = this.length + count
    if (wanted <= this.#buffer.length) return
    if (wanted > this.#bytesMax) throw new CodedError('body.too-large', { limit: this.#bytesMax })
    const larger = Buffer.allocUnsafe(Math.min(Math.max(wanted, this.#buffer.length * 2), this.#bytesMax))
    this.#buffer.copy(larger, 0, 0, this.length)
    this.#buffer = larger
  }
}

export function varintLength(value: number): number {
  let length = 1
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) length++
  return length
}
