// Memory for the values that a query reads, used again by the next one. Fresh memory is cleared page by page: that costs
// as much as decoding samples into it.

/** Doubles in a page: 2 MiB. */
const pageLength = 2 ** 18
/** Pages kept for the next query: 64 MiB. */
const spareMax = 32
const spare: Float64Array[] = []

export class SampleMemory {
  #pages: Float64Array[] = []
  #at = pageLength

  /** Holds whatever it held before: every place must be written. */
  take(length: number): Float64Array {
    if (length > pageLength) return new Float64Array(length)
    if (this.#at + length > pageLength) {
      this.#pages.push(spare.pop() ?? new Float64Array(pageLength))
      this.#at = 0
    }
    const taken = this.#pages.at(-1)!.subarray(this.#at, this.#at + length)
    this.#at += length
    return taken
  }

  /** Nobody reads what was taken any more. */
  release(): void {
    for (const page of this.#pages) if (spare.length < spareMax) spare.push(page)
    this.#pages = []
    this.#at = pageLength
  }
}
