// What one source sent within an hour: how many different values, how many of them above the threshold, and how unlikely
// that is where so many usually are. One request proves little; thirty different ones do.
import type { Weighed } from './linear.ts'

const bloomBits = 4096
/** A fuller filter would call new values known: it is emptied. */
const bloomFill = bloomBits / 4

export interface Sample {
  score: number
  value: string
  reasons: Weighed[]
}

/** What was said of the source; nothing is said again before the count has doubled. */
export interface Told {
  level: string
  above: number
  /** Under its own name; otherwise among many. */
  isOne: boolean
}

export interface WindowState {
  startedMs: number
  lastMs: number
  values: number
  above: number
  /** Of these, what it has added to what is usual here. */
  taught: { values: number; above: number }
  /** The highest so far, with what weighed most in it. */
  best: Sample | null
  destinations: string[]
  eventIds: string[]
  told: Told | null
  seen: string
}

export class SourceWindow {
  startedMs: number
  lastMs: number
  values = 0
  above = 0
  taught = { values: 0, above: 0 }
  best: Sample | null = null
  destinations: string[] = []
  eventIds: string[] = []
  told: Told | null = null
  #seen = new Uint8Array(bloomBits / 8)
  #filled = 0

  constructor(atMs: number) {
    this.startedMs = atMs
    this.lastMs = atMs
  }

  /** @returns false when the value was here before: the same request again is no new evidence */
  isNew(value: string): boolean {
    let hash = 0x811c9dc5
    for (let i = 0; i < value.length; i++) hash = Math.imul(hash ^ value.charCodeAt(i), 0x01000193)
    const first = this.#mark((hash ^ (hash >>> 13)) & (bloomBits - 1))
    const second = this.#mark(Math.imul(hash, 0x9e3779b1) >>> 20)
    if (this.#filled > bloomFill) {
      this.#seen.fill(0)
      this.#filled = 0
    }
    return first || second
  }

  #mark(bit: number): boolean {
    const mask = 1 << (bit & 7)
    if ((this.#seen[bit >> 3]! & mask) !== 0) return false
    this.#seen[bit >> 3]! |= mask
    this.#filled++
    return true
  }

  snapshot(): WindowState {
    const { startedMs, lastMs, values, above, taught, best, destinations, eventIds, told } = this
    return {
      ...{ startedMs, lastMs, values, above, taught, best, destinations, eventIds, told },
      seen: Buffer.from(this.#seen).toString('base64'),
    }
  }

  static from({ seen, ...state }: WindowState): SourceWindow {
    const window = Object.assign(new SourceWindow(0), state)
    window.#seen = new Uint8Array(Buffer.from(seen, 'base64'))
    for (const byte of window.#seen) for (let bits = byte; bits > 0; bits &= bits - 1) window.#filled++
    return window
  }
}

/** At least so surprising, in bits, are `above` of `values` where each is above with chance `rate` (Chernoff's bound). */
export function surpriseBits(values: number, above: number, rate: number): number {
  const share = above / Math.max(1, values)
  if (share <= rate) return 0
  const part = (p: number, q: number): number => (p === 0 ? 0 : p * Math.log2(p / q))
  return values * (part(share, rate) + part(1 - share, 1 - rate))
}
