// What the windows of all groups hold, in columns: an object, a list and its entries for each would take five times the
// memory. The items of a group are linked both ways, by time.
import type { WindowItem } from './window.ts'

export const none = -1
const firstCapacity = 1024

export class Items {
  atMs = new Float64Array(firstCapacity)
  rule = new Uint16Array(firstCapacity)
  /** The next free one where it is free. */
  next = new Int32Array(firstCapacity)
  previous = new Int32Array(firstCapacity)
  readonly value: string[] = []
  readonly eventId: string[] = []
  /** In use. */
  size = 0
  #free = none
  #used = 0
  /** One for all questions: what is asked keeps no item. */
  readonly #seen: WindowItem = { atMs: 0, rule: 0, value: '' }

  add(atMs: number, rule: number, value: string, eventId: string): number {
    let at = this.#free
    if (at === none) {
      at = this.#used++
      if (at === this.atMs.length) this.#grow()
    } else this.#free = this.next[at]!
    this.atMs[at] = atMs
    this.rule[at] = rule
    this.value[at] = value
    this.eventId[at] = eventId
    this.next[at] = none
    this.previous[at] = none
    this.size++
    return at
  }

  /** The caller has unlinked it. */
  release(at: number): void {
    this.value[at] = ''
    this.eventId[at] = ''
    this.next[at] = this.#free
    this.#free = at
    this.size--
  }

  /** Valid until the next call. */
  read(at: number): WindowItem {
    this.#seen.atMs = this.atMs[at]!
    this.#seen.rule = this.rule[at]!
    this.#seen.value = this.value[at]!
    return this.#seen
  }

  #grow(): void {
    const capacity = this.atMs.length * 2
    this.atMs = grown(this.atMs, new Float64Array(capacity))
    this.rule = grown(this.rule, new Uint16Array(capacity))
    this.next = grown(this.next, new Int32Array(capacity))
    this.previous = grown(this.previous, new Int32Array(capacity))
  }
}

export function grown<T extends Float64Array | Int32Array | Uint16Array | Uint8Array>(from: T, to: T): T {
  to.set(from)
  return to
}
