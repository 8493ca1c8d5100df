// The groups of one correlation, in columns: what each holds, and which was silent longest.
import { grown, none } from './items.ts'
import type { Aggregate } from './window.ts'

const firstCapacity = 64

export class Groups {
  /** Oldest item within reach of a late event; first and last within the newest window. */
  first = new Int32Array(firstCapacity)
  head = new Int32Array(firstCapacity)
  last = new Int32Array(firstCapacity)
  /** Items in the newest window, and those before it. */
  inWindow = new Int32Array(firstCapacity)
  before = new Int32Array(firstCapacity)
  toldMs = new Float64Array(firstCapacity)
  holds = new Uint8Array(firstCapacity)
  /** Only of windows that are not counted anew each time. */
  readonly aggregates = new Map<number, Aggregate>()
  /** Latest beginning of a chain through the first n rules, for ordered correlations. */
  readonly chains = new Map<number, number[]>()
  /** By use, the other groups beside it; `older` also links the free ones. */
  #older = new Int32Array(firstCapacity)
  #newer = new Int32Array(firstCapacity)
  #oldest = none
  #newest = none
  #free = none
  #used = 0
  readonly #byKey = new Map<string, number>()
  readonly #keys: string[] = []

  get size(): number {
    return this.#byKey.size
  }

  /** The one that was silent longest; `none` without groups. */
  get longestSilent(): number {
    return this.#oldest
  }

  /** The one that was silent longest first. */
  *byUse(): Iterable<{ group: number; key: string }> {
    for (let group = this.#oldest; group !== none; group = this.#newer[group]!) yield { group, key: this.#keys[group]! }
  }

  /** @returns `none` when there is none; else it is the latest in use */
  find(key: string): number {
    const group = this.#byKey.get(key)
    if (group === undefined) return none
    if (group !== this.#newest) {
      this.#unlink(group)
      this.#append(group)
    }
    return group
  }

  add(key: string): number {
    let group = this.#free
    if (group === none) {
      group = this.#used++
      if (group === this.first.length) this.#grow()
    } else this.#free = this.#older[group]!
    this.first[group] = none
    this.head[group] = none
    this.last[group] = none
    this.inWindow[group] = 0
    this.before[group] = 0
    this.toldMs[group] = Number.NEGATIVE_INFINITY
    this.holds[group] = 0
    this.#keys[group] = key
    this.#byKey.set(key, group)
    this.#append(group)
    return group
  }

  remove(group: number): void {
    this.#unlink(group)
    this.#byKey.delete(this.#keys[group]!)
    this.#keys[group] = ''
    this.aggregates.delete(group)
    this.chains.delete(group)
    this.#older[group] = this.#free
    this.#free = group
  }

  #append(group: number): void {
    this.#older[group] = this.#newest
    this.#newer[group] = none
    if (this.#newest === none) this.#oldest = group
    else this.#newer[this.#newest] = group
    this.#newest = group
  }

  #unlink(group: number): void {
    const [older, newer] = [this.#older[group]!, this.#newer[group]!]
    if (older === none) this.#oldest = newer
    else this.#newer[older] = newer
    if (newer === none) this.#newest = older
    else this.#older[newer] = older
  }

  #grow(): void {
    const capacity = this.first.length * 2
    this.first = grown(this.first, new Int32Array(capacity))
    this.head = grown(this.head, new Int32Array(capacity))
    this.last = grown(this.last, new Int32Array(capacity))
    this.inWindow = grown(this.inWindow, new Int32Array(capacity))
    this.before = grown(this.before, new Int32Array(capacity))
    this.toldMs = grown(this.toldMs, new Float64Array(capacity))
    this.holds = grown(this.holds, new Uint8Array(capacity))
    this.#older = grown(this.#older, new Int32Array(capacity))
    this.#newer = grown(this.#newer, new Int32Array(capacity))
  }
}
