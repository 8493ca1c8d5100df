// Bytes that are only ever added to, in large pages: a small buffer of its own costs V8 more than its content.
const pageBytes = 4 * 1024 * 1024

export class Arena {
  readonly #pages: Uint8Array[] = []
  readonly #views: DataView[] = []
  #at = pageBytes
  bytes = 0

  /** Where `length` contiguous bytes were put: an address for `page` and `offset`. */
  allocate(length: number): number {
    if (length > pageBytes) throw new RangeError(`${length} bytes do not fit a page`)
    if (this.#at + length > pageBytes) {
      const page = new Uint8Array(pageBytes)
      this.#pages.push(page)
      this.#views.push(new DataView(page.buffer))
      this.bytes += pageBytes
      this.#at = 0
    }
    const address = (this.#pages.length - 1) * pageBytes + this.#at
    this.#at += length
    return address
  }

  put(bytes: Uint8Array, from: number, to: number): number {
    const address = this.allocate(to - from)
    const page = this.page(address)
    const offset = this.offset(address)
    for (let i = from; i < to; i++) page[offset + i - from] = bytes[i]!
    return address
  }

  page(address: number): Uint8Array {
    return this.#pages[Math.floor(address / pageBytes)]!
  }

  /** Of the whole page: reads four bytes at once. */
  view(address: number): DataView {
    return this.#views[Math.floor(address / pageBytes)]!
  }

  offset(address: number): number {
    return address % pageBytes
  }
}
