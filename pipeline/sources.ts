// Who talks, since when, how regularly: the Sources page and the absence rule stand on this table.
//
// What "regularly" means is learned. At a random moment one is most likely inside one of the long gaps between batches,
// so gaps are weighed by their length: the learned interval is the gap below which a source spends 95 % of its time. A
// steady exporter has its scrape interval, a log that writes twenty lines once an hour has one hour, not a millisecond.
import { z } from 'zod'
import type { Clock } from '#core/clock.ts'
import type { Origin } from '#core/collector.ts'

export const sourceKinds = ['events', 'samples', 'spans'] as const
export type SourceKind = (typeof sourceKinds)[number]
export type SourceState = 'live' | 'late' | 'silent'

export const sourceLimits = {
  sourcesMax: 10_000,
  nameCharsMax: 256,
  minutes: 60,
  /** Before this much was seen of a source nothing is said about its silence. */
  learnGapsMin: 20,
  learnSpanMsMin: 120_000,
  /** Never silent before: a restart of an agent takes minutes. */
  silentMsMin: 300_000,
  silentIntervals: 5,
  lateMsMin: 60_000,
  lateIntervals: 2,
  /** A source that was silent for so long was taken away. */
  forgetMs: 7 * 86_400_000,
} as const

export interface SourceRow {
  receiver: string
  source: string
  kind: SourceKind
  firstSeenMs: number
  lastSeenMs: number
  accepted: number
  /** Accepted in each of the last 60 minutes, oldest first. */
  perMinute: number[]
  state: SourceState
  /** The learned interval in ms; null while unknown or for a source without regularity. */
  intervalMs: number | null
}

// Gap buckets: doubling from 1 s, 24 of them reach 97 days.
const bucketCount = 24
/** Above this weight all buckets are halved, so that a changed habit is learned. */
const gapsRemembered = 4096

interface Entry {
  receiver: string
  source: string
  kind: SourceKind
  firstSeenMs: number
  lastSeenMs: number
  accepted: number
  minutes: number[]
  minute: number
  gaps: number[]
  gapCount: number
}

const Snapshot = z.object({
  version: z.literal(1),
  savedMs: z.number(),
  sources: z.array(
    z.object({
      receiver: z.string(),
      source: z.string(),
      kind: z.enum(sourceKinds),
      firstSeenMs: z.number(),
      lastSeenMs: z.number(),
      accepted: z.number(),
      minutes: z.array(z.number()).length(sourceLimits.minutes),
      minute: z.number(),
      gaps: z.array(z.number()).length(bucketCount),
      gapCount: z.number(),
    }),
  ),
})

export class SourceTable {
  #entries = new Map<string, Entry>()
  #evicted = 0
  readonly #clock: Clock
  /** While the observatory itself was off nobody could be heard: silence is counted from here at the earliest. */
  #listeningSinceMs: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#listeningSinceMs = clock.nowMs()
  }

  /** Sources forgotten to keep the bound. */
  get evicted(): number {
    return this.#evicted
  }

  accepted(origin: Origin, kind: SourceKind, count: number): void {
    const nowMs = this.#clock.nowMs()
    const source = origin.source.slice(0, sourceLimits.nameCharsMax)
    const key = `${kind}\n${origin.receiver}\n${source}`
    let entry = this.#entries.get(key)
    if (!entry) {
      if (this.#entries.size >= sourceLimits.sourcesMax) this.#evictOldest()
      entry = newEntry(origin.receiver, source, kind, nowMs)
      this.#entries.set(key, entry)
    } else learnGap(entry, nowMs, this.#listeningSinceMs)
    turnMinutes(entry, nowMs)
    const slot = entry.minute % sourceLimits.minutes
    entry.minutes[slot] = entry.minutes[slot]! + count
    entry.accepted += count
    entry.lastSeenMs = Math.max(entry.lastSeenMs, nowMs)
  }

  rows(): SourceRow[] {
    const nowMs = this.#clock.nowMs()
    const rows: SourceRow[] = []
    for (const [key, entry] of this.#entries) {
      if (nowMs - entry.lastSeenMs > sourceLimits.forgetMs) {
        this.#entries.delete(key)
        continue
      }
      turnMinutes(entry, nowMs)
      const from = (entry.minute + 1) % sourceLimits.minutes
      const intervalMs = learnedIntervalMs(entry)
      rows.push({
        receiver: entry.receiver,
        source: entry.source,
        kind: entry.kind,
        firstSeenMs: entry.firstSeenMs,
        lastSeenMs: entry.lastSeenMs,
        accepted: entry.accepted,
        perMinute: [...entry.minutes.slice(from), ...entry.minutes.slice(0, from)],
        state: stateOf(nowMs - Math.max(entry.lastSeenMs, this.#listeningSinceMs), intervalMs),
        intervalMs,
      })
    }
    return rows
  }

  /** JSON text to keep across restarts. */
  snapshot(): string {
    const snapshot: z.infer<typeof Snapshot> = {
      version: 1,
      savedMs: this.#clock.nowMs(),
      sources: [...this.#entries.values()],
    }
    return JSON.stringify(snapshot)
  }

  /** @returns how many sources came back. Throws when the text is not a snapshot; nothing changed then. */
  restore(text: string): number {
    const snapshot = Snapshot.parse(JSON.parse(text))
    const entries = new Map<string, Entry>()
    for (const entry of snapshot.sources.slice(-sourceLimits.sourcesMax))
      entries.set(`${entry.kind}\n${entry.receiver}\n${entry.source}`, entry)
    this.#entries = entries
    this.#listeningSinceMs = this.#clock.nowMs()
    return entries.size
  }

  #evictOldest(): void {
    let oldest: string | undefined
    let oldestMs = Number.POSITIVE_INFINITY
    for (const [key, entry] of this.#entries) {
      if (entry.lastSeenMs >= oldestMs) continue
      oldest = key
      oldestMs = entry.lastSeenMs
    }
    if (oldest !== undefined) this.#entries.delete(oldest)
    this.#evicted++
  }
}

function newEntry(receiver: string, source: string, kind: SourceKind, nowMs: number): Entry {
  return {
    receiver,
    source,
    kind,
    firstSeenMs: nowMs,
    lastSeenMs: nowMs,
    accepted: 0,
    minutes: new Array<number>(sourceLimits.minutes).fill(0),
    minute: Math.floor(nowMs / 60_000),
    gaps: new Array<number>(bucketCount).fill(0),
    gapCount: 0,
  }
}

function learnGap(entry: Entry, nowMs: number, listeningSinceMs: number): void {
  const gapMs = nowMs - entry.lastSeenMs
  // Batches of one second belong together; a gap over our own downtime says nothing about the source.
  if (gapMs < 1000 || entry.lastSeenMs < listeningSinceMs) return
  const bucket = bucketOf(gapMs)
  entry.gaps[bucket] = entry.gaps[bucket]! + gapMs
  entry.gapCount++
  if (entry.gapCount < gapsRemembered) return
  entry.gapCount /= 2
  entry.gaps = entry.gaps.map((weight) => weight / 2)
}

/** Bucket i holds gaps up to 2^i seconds. */
function bucketOf(gapMs: number): number {
  return Math.min(bucketCount - 1, Math.max(0, Math.ceil(Math.log2(gapMs / 1000))))
}

function learnedIntervalMs(entry: Entry): number | null {
  if (entry.gapCount < sourceLimits.learnGapsMin) return null
  const total = entry.gaps.reduce((sum, weight) => sum + weight, 0)
  if (total < sourceLimits.learnSpanMsMin) return null
  let sum = 0
  for (let bucket = 0; bucket < bucketCount; bucket++) {
    sum += entry.gaps[bucket]!
    if (sum < total * 0.95) continue
    const intervalMs = 2 ** bucket * 1000
    // Seen for less than ten such gaps, a habit cannot be told from chance.
    return total >= 10 * intervalMs ? intervalMs : null
  }
  return null
}

function stateOf(quietMs: number, intervalMs: number | null): SourceState {
  if (intervalMs !== null && quietMs > Math.max(sourceLimits.silentIntervals * intervalMs, sourceLimits.silentMsMin))
    return 'silent'
  const lateMs = Math.max(sourceLimits.lateIntervals * (intervalMs ?? 0), sourceLimits.lateMsMin)
  // Without a habit only "not just now" can be said.
  return quietMs > (intervalMs === null ? sourceLimits.silentMsMin : lateMs) ? 'late' : 'live'
}

/** Empties the minutes that passed since the last use of the ring. */
function turnMinutes(entry: Entry, nowMs: number): void {
  const minute = Math.floor(nowMs / 60_000)
  if (minute <= entry.minute) return
  if (minute - entry.minute >= sourceLimits.minutes) entry.minutes.fill(0)
  else for (let m = entry.minute + 1; m <= minute; m++) entry.minutes[m % sourceLimits.minutes] = 0
  entry.minute = minute
}
