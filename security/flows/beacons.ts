// Connections that come back like a clock: programs that report to their controller, among updates and time servers that
// do the same. Those have many users; a controller has one or two.
const pairsMax = 20_000
const usersKept = 4
/** Pauses shorter than this are one burst. */
const pauseMsMin = 5000
/** Median deviation over median: jitter below it is a clock's. */
const jitterMax = 0.15
const rareUsers = 2

interface Pair {
  lastMs: number
  pauses: number[]
  told: boolean
}

export interface Beacon {
  periodMs: number
  jitter: number
  times: number
  users: number
}

export class Beacons {
  readonly #intervals: number
  #pairs = new Map<string, Pair>()
  /** Sources by place that they turn to; beyond a few, it is popular. */
  #users = new Map<string, string[]>()
  forgotten = 0

  constructor(intervals: number) {
    this.#intervals = intervals
  }

  observe(source: string, place: string, atMs: number): Beacon | undefined {
    const users = this.#users.get(place) ?? []
    if (users.length < usersKept && !users.includes(source)) users.push(source)
    this.#touch(this.#users, place, users)
    const key = `${source} ${place}`
    const pair = this.#pairs.get(key)
    if (!pair) {
      this.#touch(this.#pairs, key, { lastMs: atMs, pauses: [], told: false })
      return undefined
    }
    const pause = atMs - pair.lastMs
    if (pause < pauseMsMin) return undefined
    pair.lastMs = atMs
    pair.pauses.push(pause)
    if (pair.pauses.length > this.#intervals) pair.pauses.shift()
    this.#touch(this.#pairs, key, pair)
    if (pair.told || users.length > rareUsers || pair.pauses.length < this.#intervals) return undefined
    const sorted = [...pair.pauses].sort((a, b) => a - b)
    const periodMs = sorted[sorted.length >> 1]!
    const deviations = sorted.map((one) => Math.abs(one - periodMs)).sort((a, b) => a - b)
    // Nine of ten pauses, so that one missed turn does not hide it, and a half-regular series is none.
    const jitter = deviations[Math.floor(deviations.length * 0.9)]! / periodMs
    if (jitter > jitterMax) return undefined
    pair.told = true
    return { periodMs, jitter, times: pair.pauses.length + 1, users: users.length }
  }

  #touch<T>(map: Map<string, T>, key: string, value: T): void {
    map.delete(key)
    map.set(key, value)
    if (map.size <= pairsMax) return
    map.delete(map.keys().next().value as string)
    this.forgotten++
  }

  snapshot(): unknown {
    return { pairs: [...this.#pairs], users: [...this.#users] }
  }

  restore(state: unknown): void {
    const { pairs, users } = state as { pairs: [string, Pair][]; users: [string, string[]][] }
    this.#pairs = new Map(pairs)
    this.#users = new Map(users)
  }
}
