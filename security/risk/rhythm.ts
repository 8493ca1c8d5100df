// How usual an alert is where it came from: each (name, entity) pair is a Poisson process whose rate is learned from the
// stream itself, before the alert that is judged. Rarity is the surprise in bits of seeing it in this stretch of
// time. Nothing is known beforehand: while little was observed everything is mildly surprising, and it sharpens with time.

export interface RhythmConfig {
  /** Alerts of one pair closer than this are one activity. */
  activityMs: number
  /** Pairs remembered; the one silent longest is forgotten first, and counted. */
  pairsMax: number
  /** From this length on, an activity without a pause is a standing condition. */
  standingMs: number
}

export interface Judgement {
  /** A new activity began with this alert; otherwise it continues one. */
  begins: boolean
  /** Surprise of the activity's beginning, or 0 when it continues. */
  rarityBits: number
  /** Surprise of its size: doublings over the largest activity before, once each. 0 while it is not larger. */
  burstBits: number
  /** Once per pair: its activity has not paused for `standingMs`. */
  stands: boolean
  /** Activities of the pair before this one. */
  seenBefore: number
  lastBeforeMs: number | null
}

interface Pair {
  activities: number
  startedMs: number
  stood: boolean
  lastMs: number
  /** Alerts of the activity that runs. */
  size: number
  /** Alerts of the largest activity that is over. */
  largest: number
  /** Doublings already told. */
  told: number
}

/** An activity smaller than this is never a burst. */
const burstMin = 16

export class Rhythm {
  readonly #config: RhythmConfig
  /** In the order of the last alert, so that the first is the one silent longest. */
  readonly #pairs = new Map<string, Pair>()
  readonly #entitySince = new Map<string, number>()
  forgotten = 0

  constructor(config: RhythmConfig) {
    this.#config = config
  }

  get size(): number {
    return this.#pairs.size
  }

  /** Judges by what came before, then learns. `atMs` never goes backwards. */
  observe(name: string, entity: string, atMs: number): Judgement {
    const key = `${entity}\u0000${name}`
    const since = this.#since(entity, atMs)
    const known = this.#pairs.get(key)
    if (known && atMs - known.lastMs <= this.#config.activityMs) {
      known.lastMs = atMs
      known.size++
      this.#touch(key, known)
      const stands = !known.stood && atMs - known.startedMs >= this.#config.standingMs
      known.stood ||= stands
      return {
        stands,
        begins: false,
        rarityBits: 0,
        burstBits: this.#burst(known),
        seenBefore: known.activities - 1,
        lastBeforeMs: atMs,
      }
    }
    const observed = 1 + (atMs - since) / this.#config.activityMs
    const before = known?.activities ?? 0
    // Half an activity more than seen (Jeffreys' prior): what never was is possible, and less so the longer one looked.
    const rate = (before + 0.5) / observed
    const rarityBits = -Math.log2(1 - Math.exp(-rate))
    const pair: Pair = {
      activities: before + 1,
      startedMs: atMs,
      stood: known?.stood ?? false,
      lastMs: atMs,
      size: 1,
      largest: Math.max(known?.largest ?? 0, known?.size ?? 0),
      told: 0,
    }
    const lastBeforeMs = known?.lastMs ?? null
    this.#touch(key, pair)
    return { begins: true, stands: false, rarityBits, burstBits: 0, seenBefore: before, lastBeforeMs }
  }

  #burst(pair: Pair): number {
    if (pair.size < burstMin) return 0
    const doublings = Math.floor(Math.log2(pair.size / Math.max(pair.largest, burstMin / 2)))
    if (doublings <= pair.told) return 0
    const more = doublings - pair.told
    pair.told = doublings
    return more
  }

  #touch(key: string, pair: Pair): void {
    this.#pairs.delete(key)
    this.#pairs.set(key, pair)
    if (this.#pairs.size <= this.#config.pairsMax) return
    const oldest = this.#pairs.keys().next().value as string
    this.#pairs.delete(oldest)
    this.forgotten++
  }

  #since(entity: string, atMs: number): number {
    const since = this.#entitySince.get(entity)
    if (since !== undefined) return since
    if (this.#entitySince.size >= this.#config.pairsMax)
      this.#entitySince.delete(this.#entitySince.keys().next().value as string)
    this.#entitySince.set(entity, atMs)
    return atMs
  }
}
