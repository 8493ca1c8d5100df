// What was read and unpacked lately, over all blocks, within a budget. The least used goes first.
export class FrameCache {
  readonly #bytesMax: number
  readonly #entries = new Map<string, { value: unknown; bytes: number }>()
  bytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get<T>(key: string): T | undefined {
    const entry = this.#entries.get(key)
    if (!entry) return undefined
    this.#entries.delete(key)
    this.#entries.set(key, entry)
    return entry.value as T
  }

  set(key: string, value: unknown, bytes: number): void {
    this.delete(key)
    this.#entries.set(key, { value, bytes })
    this.bytes += bytes
    for (const [oldest] of this.#entries) {
      if (this.bytes <= this.#bytesMax || oldest === key) return
      this.delete(oldest)
    }
  }

  delete(key: string): void {
    const entry = this.#entries.get(key)
    if (!entry) return
    this.bytes -= entry.bytes
    this.#entries.delete(key)
  }

  /** Everything of one block. */
  forget(prefix: string): void {
    for (const key of this.#entries.keys()) if (key.startsWith(prefix)) this.delete(key)
  }
}
