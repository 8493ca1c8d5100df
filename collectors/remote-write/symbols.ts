// The table of texts that a request of 2.0 begins with, as places in its bytes.
import { CodedError } from '#core/errors.ts'
import { MalformedProtobuf, ProtobufReader } from '#core/protobuf-reader.ts'

/** More than any request within the limit of bytes has use for. */
const symbolsMax = 1_000_000
const nameText = Buffer.from('__name__')

export class Symbols {
  readonly bytes: Uint8Array
  #places = new Uint32Array(2048)
  #count = 0
  /** The symbol that says `__name__`; −1 when there is none. */
  name = -1

  /** Symbols may stand after the series that name them. @throws MalformedProtobuf, CodedError `body.too-many` */
  constructor(bytes: Uint8Array) {
    this.bytes = bytes
    const reader = new ProtobufReader(bytes)
    while (reader.position < bytes.length) {
      const tag = reader.varint()
      if (tag !== 0x22) {
        reader.skip(tag & 7)
        continue
      }
      const to = reader.span()
      this.#add(reader.position, to)
      reader.position = to
    }
    if (this.#count > 0 && this.length(0) !== 0) throw new MalformedProtobuf('the first symbol is not the empty string')
  }

  has(ref: number): boolean {
    return ref < this.#count
  }

  from(ref: number): number {
    return this.#places[ref * 2]!
  }

  to(ref: number): number {
    return this.#places[ref * 2 + 1]!
  }

  length(ref: number): number {
    return this.to(ref) - this.from(ref)
  }

  #add(from: number, to: number): void {
    if (this.#count === symbolsMax) throw new CodedError('body.too-many', { limit: symbolsMax })
    if (this.#count * 2 === this.#places.length) {
      const larger = new Uint32Array(this.#places.length * 2)
      larger.set(this.#places)
      this.#places = larger
    }
    this.#places[this.#count * 2] = from
    this.#places[this.#count * 2 + 1] = to
    if (this.name === -1 && nameText.equals(this.bytes.subarray(from, to))) this.name = this.#count
    this.#count++
  }
}
