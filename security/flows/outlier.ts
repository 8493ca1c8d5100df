// How strange a connection is among those of this site: the surprise of each feature, given its service, added up. Counted
// as it runs, halved as it grows old, and forgetting the rarest services when there are too many.

/** What is known of one connection and of what its source did just before. Shares are 0 to 1; -1 where unknown. */
export interface FlowFeatures {
  service: string
  state: string
  bytesOut: number
  bytesIn: number
  durationMs: number
  /** Connections of the source to the same destination, just before. */
  repeats: number
  /** Of the source's latest connections: failed, to another port, to another destination than this one. */
  failedShare: number
  otherPortShare: number
  otherHostShare: number
}

const services = 512
const totalMax = 500_000
const names = ['state', 'out', 'in', 'duration', 'repeats', 'failed', 'ports', 'hosts'] as const
const bins = 24

interface Counts {
  total: number
  by: number[][]
}

export class FlowOutliers {
  #all: Counts = empty()
  #services = new Map<string, Counts>()
  forgotten = 0

  get total(): number {
    return this.#all.total
  }

  /** Bits; comparable among connections of one site only. */
  score(features: FlowFeatures): number {
    const own = this.#services.get(features.service)
    const all = this.#all
    let bits = -Math.log2(((own?.total ?? 0) + 0.5) / (all.total + 1))
    for (const [feature, bin] of binsOf(features).entries()) {
      // What the service says is mixed with what all say: ten connections' worth of the latter.
      const general = (all.by[feature]![bin]! + 0.5) / (all.total + bins / 2)
      const here = own ? own.by[feature]![bin]! : 0
      bits -= Math.log2((here + 10 * general) / ((own?.total ?? 0) + 10))
    }
    return bits
  }

  learn(features: FlowFeatures): void {
    let own = this.#services.get(features.service)
    if (!own) {
      own = empty()
      this.#services.set(features.service, own)
      if (this.#services.size > services) this.#forget()
    }
    const places = binsOf(features)
    for (const counts of [own, this.#all]) {
      counts.total++
      for (const [feature, bin] of places.entries()) counts.by[feature]![bin]!++
    }
    if (this.#all.total >= totalMax) for (const counts of [this.#all, ...this.#services.values()]) halve(counts)
  }

  #forget(): void {
    let rarest = ''
    let least = Number.POSITIVE_INFINITY
    for (const [name, { total }] of this.#services)
      if (total < least) {
        least = total
        rarest = name
      }
    this.#services.delete(rarest)
    this.forgotten++
  }

  snapshot(): [Counts, [string, Counts][]] {
    return [this.#all, [...this.#services]]
  }

  restore([all, services]: [Counts, [string, Counts][]]): void {
    this.#all = all
    this.#services = new Map(services)
  }
}

const empty = (): Counts => ({ total: 0, by: names.map(() => new Array<number>(bins).fill(0)) })

function halve(counts: Counts): void {
  counts.total /= 2
  for (const list of counts.by) for (let i = 0; i < bins; i++) list[i]! /= 2
}

/** Sizes and times by factors of four, counts by doublings, shares by tenths; bin 0 is unknown. */
function binsOf(features: FlowFeatures): number[] {
  const { state, bytesOut, bytesIn, durationMs, repeats, failedShare, otherPortShare, otherHostShare } = features
  return [
    stateBin(state),
    size(bytesOut),
    size(bytesIn),
    size(durationMs),
    Math.min(bins - 1, 1 + Math.floor(Math.log2(1 + repeats))),
    ...[failedShare, otherPortShare, otherHostShare].map(share),
  ]
}

const size = (value: number): number =>
  value < 0 ? 0 : Math.min(bins - 1, value < 1 ? 1 : 2 + Math.floor(Math.log2(value) / 2))
const share = (value: number): number => (value < 0 ? 0 : 1 + Math.min(10, Math.floor(value * 10 + 1e-9)))

function stateBin(state: string): number {
  let hash = 0
  for (let i = 0; i < state.length; i++) hash = Math.imul(hash ^ state.charCodeAt(i), 0x01000193)
  return (hash >>> 8) % bins
}
