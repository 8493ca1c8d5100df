// What stays of a request when parts of it are left out. Nothing is copied until something is.

export class Kept {
  readonly #bytes: Uint8Array
  /** What stays is never longer than what came: one buffer is enough, however many pieces there are. */
  #out: Buffer | undefined
  #length = 0
  #from = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** `bytes[from, to)` does not stay. In order. */
  leaveOut(from: number, to: number): void {
    this.#copy(this.#from, from)
    this.#from = to
  }

  /**
   * Of the length-delimited field `bytes[from, to)`, whose content begins at `contentFrom`, the ranges do not stay.
   * @param tag of the field, one byte
   * @param ranges from, to, from, to…, in order
   */
  leaveOutWithin(tag: number, from: number, contentFrom: number, to: number, ranges: readonly number[]): void {
    let rest = to - contentFrom
    for (let i = 0; i < ranges.length; i += 2) rest -= ranges[i + 1]! - ranges[i]!
    this.leaveOut(from, contentFrom)
    const out = this.#out!
    out[this.#length++] = tag
    for (; rest >= 128; rest = Math.floor(rest / 128)) out[this.#length++] = (rest % 128) | 128
    out[this.#length++] = rest
    for (let i = 0; i < ranges.length; i += 2) this.leaveOut(ranges[i]!, ranges[i + 1]!)
  }

  finish(): Uint8Array {
    if (!this.#out) return this.#bytes
    this.#copy(this.#from, this.#bytes.length)
    return this.#out.subarray(0, this.#length)
  }

  #copy(from: number, to: number): void {
    this.#out ??= Buffer.allocUnsafe(this.#bytes.length)
    this.#out.set(this.#bytes.subarray(from, to), this.#length)
    this.#length += to - from
  }
}
