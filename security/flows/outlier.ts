// How strange a connection is among those of this site: the surprise of each feature, given its service, added up. Counted
// as it runs, halved as it grows old, and forgetting the rarest services when there are too many.

/** What is known of one connection and of what its source did just before. Shares are 0 to 1; -1 where unknown. */
export interface FlowFeatures {
  service: string
  state: string
  bytesOut: number
  bytesIn: number
  durationMs: number
  /** Connections to the same machine and to the same service within the last two seconds, this one too. */
  repeats: number
  serviceRepeats: number
  /** Of the source's latest connections: failed, to another port, to another destination than this one. */
  failedShare: number
  otherPortShare: number
  otherHostShare: number
}

const services = 512
const totalMax = 500_000
const names = ['state', 'out', 'ratio', 'duration', 'repeats', 'services', 'failed', 'ports', 'hosts'] as const
/** Counts under other features mean something else. */
export const featureNames = names.join(' ')
const bins = 24
/** What all services say counts as so many connections of each. */
const generalWeight = 3

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
      // What the service says is mixed with what all say.
      const general = (all.by[feature]![bin]! + 0.5) / (all.total + bins / 2)
      const here = own ? own.by[feature]![bin]! : 0
      bits -= Math.log2((here + generalWeight * general) / ((own?.total ?? 0) + generalWeight))
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

/** Sizes and times by factors of four, ratios by factors of 2.8, counts by doublings, shares by tenths; bin 0 is unknown. */
function binsOf(features: FlowFeatures): number[] {
  const { state, bytesOut, bytesIn, durationMs, repeats, serviceRepeats } = features
  const { failedShare, otherPortShare, otherHostShare } = features
  return [
    stateBin(state),
    size(bytesOut),
    ratio(bytesOut, bytesIn),
    size(durationMs),
    count(repeats),
    count(serviceRepeats),
    ...[failedShare, otherPortShare, otherHostShare].map(share),
  ]
}

const size = (value: number): number =>
  value < 0 ? 0 : Math.min(bins - 1, value < 1 ? 1 : 2 + Math.floor(Math.log2(value) / 2))
const count = (value: number): number => Math.min(bins - 1, 1 + Math.floor(Math.log2(1 + value)))
/** What came back is told by its ratio to what went out: the amounts themselves would count one cause twice. */
const ratio = (out: number, back: number): number =>
  out < 0 || back < 0 ? 0 : Math.max(1, Math.min(bins - 1, 12 + Math.round(Math.log2((1 + out) / (1 + back)) / 1.5)))
const share = (value: number): number => (value < 0 ? 0 : 1 + Math.min(10, Math.floor(value * 10 + 1e-9)))

function stateBin(state: string): number {
  let hash = 0
  for (let i = 0; i < state.length; i++) hash = Math.imul(hash ^ state.charCodeAt(i), 0x01000193)
  return (hash >>> 8) % bins
}
