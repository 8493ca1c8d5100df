// What accounts and hosts do, against what they did and what others like them do. Each event is judged by what came
// before it, then learned: nothing ahead is used, and the same events in the same order give the same.
import type { BehaviourConfig } from './config.ts'
import { DayScores } from './day-scores.ts'
import type { Facts, Relation } from './facts.ts'
import {
  bounds,
  type Detector,
  floors,
  newProfile,
  ordinaryBits,
  type Profile,
  profileFromLine,
  profileToLine,
  type Reason,
  type RelationState,
  scoreOf,
  setBounded,
  worthSaying,
} from './profile.ts'
import { binBits, decayedPeriods, noveltyBits, shareBits, smoothCircle, volumeBits } from './surprise.ts'
import { Transitions } from './transitions.ts'

export interface BehaviourReport {
  profile: Profile
  score: number
  threshold: number
  /** Most surprising first. */
  reasons: Reason[]
}

const hourMs = 3_600_000
const dayMs = 24 * hourMs
/** Peers who took something up within it did so at the same time: that does not make it usual. */
const togetherMs = hourMs
/** What is older than the newest of its entity is learned, and not judged. */
const latenessMs = hourMs
const sessionGapMs = 30 * 60_000
const peersScannedMax = 2000
const judgedPerPeriod = 20
const peerDays = 30
const peersMin = 3
const activePeriodsMin = 3
/** Active hours needed before the time of day says anything, and before volumes do. */
const knownHours = 40
const knownVolumes = 8
const toldAgainAt = 1.25

export class Behaviour {
  readonly #config: BehaviourConfig
  readonly #periodMs: number
  /** In the order of their last period, so that the first is the one silent longest. */
  #profiles = new Map<string, Profile>()
  #groups = new Map<string, Set<string>>()
  #scores = new DayScores()
  /** Of accounts alone: on a host many programs speak at once, and their order means nothing. */
  #steps = new Transitions()
  readonly counts = { facts: 0, late: 0, failuresOfNobody: 0, entitiesForgotten: 0, valuesForgotten: 0, told: 0 }

  constructor(config: BehaviourConfig) {
    this.#config = config
    this.#periodMs = config.periodHours * hourMs
  }

  get entities(): number {
    return this.#profiles.size
  }

  get entityDays(): number {
    return this.#scores.total
  }

  get threshold(): number {
    return this.#scores.threshold(this.#config.falseAlarmsPer1000 / 1000, this.#config.bitsMin)
  }

  profile(entity: string): Profile | undefined {
    return this.#profiles.get(entity)
  }

  /** @returns what is to be told of this entity now, if anything */
  observe(facts: Facts): BehaviourReport | undefined {
    this.counts.facts++
    const { atMs, entity, isFailure } = facts
    let profile = this.#profiles.get(entity)
    if (!profile) {
      // Guessed names are no accounts; the host that they were tried on counts them.
      if (isFailure && entity.startsWith('user:')) {
        this.counts.failuresOfNobody++
        return undefined
      }
      profile = newProfile(entity, facts.group, atMs)
      this.#add(profile)
    }
    if (facts.isGroupSure && profile.group !== facts.group) this.#move(profile, facts.group)
    if (atMs < profile.lastMs - latenessMs) {
      this.counts.late++
      if (!isFailure) for (const [relation, value] of facts.seen) this.#learnValue(profile, relation, value, atMs)
      return undefined
    }
    profile.lastMs = Math.max(profile.lastMs, atMs)
    const seldomBits = this.#turn(profile, atMs)
    const before = profile.reasons.size
    const scoreBefore = profile.score
    const note: Note | undefined = this.speaks(profile)
      ? (detector, id, bits, values, once = 0) =>
          this.#note(profile, { detector, id, bits, once, atMs, eventId: facts.eventId, values })
      : undefined
    if (seldomBits > 0)
      note?.('rare', 'presence=', seldomBits, {
        active: profile.periods - 1,
        of: profile.period - this.#periodOf(profile.firstMs),
        hours: this.#config.periodHours,
      })
    this.#hour(profile, facts, note)
    if (!isFailure) {
      for (const [relation, value] of facts.seen) this.#value(profile, relation, value, atMs, note)
      if (profile.entity.startsWith('user:')) this.#step(profile, facts, note)
    }
    this.#volumes(profile, facts, note)
    if (profile.reasons.size === before && profile.score === scoreBefore) return undefined
    return this.#report(profile)
  }

  #report(profile: Profile): BehaviourReport | undefined {
    const { threshold } = this
    const { score } = profile
    if (score < threshold || score < profile.toldScore * toldAgainAt) return undefined
    const reasons = worthSaying(profile.reasons.values())
    // Many small things of which none can be named are nothing to act upon.
    if (reasons.length === 0) return undefined
    profile.toldScore = score
    this.counts.told++
    return { profile, score, threshold, reasons }
  }

  /** Known for long enough to be judged. */
  speaks({ firstMs, lastMs, periods }: Profile): boolean {
    return lastMs - firstMs >= this.#config.learnDays * dayMs && periods > activePeriodsMin
  }

  #note(profile: Profile, reason: Reason): void {
    if (this.#config.weights[reason.detector] === 0) return
    const known = profile.reasons.get(reason.id)
    if (known && known.bits >= reason.bits) return
    if (!known && profile.reasons.size >= bounds.reasons) {
      const least = [...profile.reasons.values()].reduce((a, b) => (b.bits < a.bits ? b : a))
      if (least.bits >= reason.bits) return
      profile.reasons.delete(least.id)
    }
    profile.reasons.set(reason.id, reason)
    profile.score = scoreOf(profile.reasons.values(), this.#config.weights)
  }

  /**
   * A new period: the score of the last one becomes history.
   * @returns the surprise that it is active at all, when it begins a period
   */
  #turn(profile: Profile, atMs: number): number {
    const period = this.#periodOf(atMs)
    if (period <= profile.period) return 0
    const halfLife = (this.#config.halfLifeDays * dayMs) / this.#periodMs
    const presence = profile.presence * 2 ** (-Math.max(0, atMs - profile.presenceMs) / (halfLife * this.#periodMs))
    const bits = shareBits(presence, decayedPeriods(period - this.#periodOf(profile.firstMs), halfLife))
    Object.assign(profile, { presence: presence + 1, presenceMs: atMs, hoursActive: 0 })
    if (Number.isFinite(profile.period) && this.speaks(profile)) {
      this.#scores.add(profile.score)
      profile.past.push([profile.period, Math.round(profile.score * 10) / 10])
      if (profile.past.length > bounds.past) profile.past.shift()
    }
    profile.period = period
    profile.periods++
    profile.reasons.clear()
    profile.score = 0
    profile.toldScore = 0
    this.#profiles.delete(profile.entity)
    this.#profiles.set(profile.entity, profile)
    return bits
  }

  #periodOf(atMs: number): number {
    return Math.floor((atMs + this.#config.utcOffsetHours * hourMs) / this.#periodMs)
  }

  #value(profile: Profile, relation: Relation, value: string, atMs: number, note: Note | undefined): void {
    const state = profile.relations[relation]
    // Of a relation that was never there nothing can be said; nor of one that forgets, as what looks new may be old.
    const isJudged = note && state && state.active >= activePeriodsMin && !this.#forgets(state, atMs)
    if (isJudged && state.activeAt !== profile.period) state.judged = 0
    if (isJudged && !state.values.has(value) && state.judged < judgedPerPeriod) {
      state.judged++
      const own = noveltyBits(state.novel, this.#decayed(state, state.active, atMs))
      const peers = this.peersWith(profile, relation, value, atMs, atMs - togetherMs)
      const rare = peers.of < peersMin ? 0 : shareBits(peers.with, peers.of)
      const values = {
        ...{ relation, value, peers: peers.with, of: peers.of, days: peerDays },
        department: peers.isDepartment ? departmentOf(profile) : '',
      }
      note('firstSeen', `${relation}=${value}`, own + rare, values, own)
    }
    this.#learnValue(profile, relation, value, atMs)
  }

  #forgets({ forgotMs }: RelationState, atMs: number): boolean {
    return forgotMs !== null && atMs - forgotMs < this.#config.halfLifeDays * dayMs
  }

  #decayed(state: RelationState, weight: number, atMs: number): number {
    return weight * 2 ** (-Math.max(0, atMs - state.decayedMs) / (this.#config.halfLifeDays * dayMs))
  }

  #learnValue(profile: Profile, relation: Relation, value: string, atMs: number): void {
    const period = profile.period
    let state = profile.relations[relation]
    if (!state) {
      const never = Number.NEGATIVE_INFINITY
      state = {
        values: new Map(),
        active: 0,
        novel: 0,
        activeAt: never,
        novelAt: never,
        decayedMs: atMs,
        forgotMs: null,
        judged: 0,
      }
      profile.relations[relation] = state
    }
    const known = state.values.get(value)
    if (state.activeAt !== period) {
      const [active, novel] = [this.#decayed(state, state.active, atMs), this.#decayed(state, state.novel, atMs)]
      Object.assign(state, {
        ...{ active: active + 1, novel, activeAt: period, decayedMs: Math.max(atMs, state.decayedMs) },
      })
    }
    if (known) {
      if (this.#periodOf(known.lastMs) !== this.#periodOf(atMs)) known.periods++
      known.lastMs = Math.max(known.lastMs, atMs)
      // The order is kept by periods, not by events: moving it at each event would cost more than it says.
      if (state.values.size >= bounds.valuesPerRelation)
        setBounded(state.values, value, known, bounds.valuesPerRelation)
      return
    }
    // In the first period all is new; that says nothing of how often something new comes.
    if (state.novelAt !== period) {
      state.novel += state.active > 1 ? 1 : 0
      state.novelAt = period
    }
    const isForgotten = setBounded(
      state.values,
      value,
      { firstMs: atMs, lastMs: atMs, periods: 1 },
      bounds.valuesPerRelation,
    )
    if (!isForgotten) return
    state.forgotMs = atMs
    this.counts.valuesForgotten++
  }

  /** How many of its peers did the same of late, and before `sinceBeforeMs` already. Those of the department, or of the kind where it has too few. */
  peersWith(
    profile: Profile,
    relation: Relation,
    value: string,
    atMs: number,
    sinceBeforeMs = Number.POSITIVE_INFINITY,
  ): { with: number; of: number; isDepartment: boolean } {
    const own = this.#groups.get(profile.group)
    const kind = profile.group.slice(0, profile.group.indexOf('/'))
    const isDepartment = own !== undefined && own.size > peersMin && departmentOf(profile) !== ''
    const members =
      own && own.size > peersMin
        ? [own]
        : [...this.#groups].filter(([name]) => name.startsWith(`${kind}/`)).map(([, set]) => set)
    let count = 0
    let of = 0
    const sinceMs = atMs - peerDays * dayMs
    for (const set of members)
      for (const name of set) {
        if (of >= peersScannedMax) return { with: count, of, isDepartment }
        const peer = this.#profiles.get(name)
        if (!peer || peer === profile || peer.lastMs < sinceMs) continue
        const state = peer.relations[relation]
        if (!state) continue
        of++
        const known = state.values.get(value)
        if (known && known.lastMs >= sinceMs && known.firstMs <= sinceBeforeMs) count++
      }
    return { with: count, of, isDepartment }
  }

  #hour(profile: Profile, { atMs }: Facts, note: Note | undefined): void {
    const localMs = atMs + this.#config.utcOffsetHours * hourMs
    const hour = Math.floor(localMs / hourMs)
    if (hour <= profile.hour) return
    if (Number.isFinite(profile.hour))
      for (const measure of ['failed', 'bytes', 'events'] as const) {
        const history = profile.history[measure]
        history.push(profile.counts[measure])
        if (history.length > bounds.historyHours) history.shift()
      }
    profile.hour = hour
    profile.hoursActive++
    profile.counts = { failed: 0, bytes: 0, events: 0 }
    profile.judgeAt = { failed: 1, bytes: 1, events: 1 }
    // 1970-01-01 was a Thursday.
    const isWeekend = (Math.floor(localMs / dayMs) + 3) % 7 > 4
    const [at, from] = [hour % 24, isWeekend ? 24 : 0]
    const keep = 2 ** (-Math.max(0, atMs - profile.hoursDecayedMs) / (this.#config.halfLifeDays * dayMs))
    if (keep < 0.98) {
      profile.hours = profile.hours.map((one) => Math.round(one * keep * 1000) / 1000)
      profile.hoursDecayedMs = atMs
    }
    const bins = [...smoothCircle(profile.hours.slice(0, 24)), ...smoothCircle(profile.hours.slice(24))]
    const total = profile.hours.reduce((sum, one) => sum + one, 0)
    // Of accounts alone: machines work at every hour, and by whom is said elsewhere.
    const bits = note && total >= knownHours && profile.entity.startsWith('user:') ? binBits(bins, from + at) : 0
    if (bits >= ordinaryBits) {
      const share = (100 * bins[from + at]!) / total
      note?.('time', `hour=${hour}`, bits, { hour: at, weekend: isWeekend ? 1 : 0, share: Math.round(share * 10) / 10 })
    }
    profile.hours[from + at]!++
  }

  #volumes(profile: Profile, { failed, bytes }: Facts, note: Note | undefined): void {
    for (const [measure, more] of [
      ['failed', failed],
      ['bytes', bytes],
      ['events', 1],
    ] as const) {
      if (more === 0) continue
      profile.counts[measure] += more
      const value = profile.counts[measure]
      if (value < profile.judgeAt[measure]) continue
      profile.judgeAt[measure] = 2 * value
      const history = profile.history[measure]
      if (!note || history.length < knownVolumes) continue
      // Mostly it was reached often enough before, and nothing need be sorted.
      const reached = history.reduce((count, one) => count + (one >= value ? 1 : 0), 0)
      // The highest of several hours is higher by chance alone.
      const chance = Math.log2(Math.max(1, profile.hoursActive))
      if (shareBits(reached, history.length) <= 1 + chance) continue
      const bits = volumeBits(value, history, floors[measure]) - chance
      if (bits <= 0) continue
      const sorted = [...history].sort((a, b) => a - b)
      note('volume', `${measure}=`, bits, {
        ...{ measure, value, usual: sorted[sorted.length >> 1]!, most: sorted.at(-1)!, hours: sorted.length },
      })
    }
  }

  #step(profile: Profile, { atMs, action }: Facts, note: Note | undefined): void {
    const isSession = atMs - profile.lastActionMs <= sessionGapMs
    const from = isSession ? profile.lastAction : ''
    profile.lastAction = action
    profile.lastActionMs = atMs
    if (from === action) return
    const step = `${from} → ${action}`
    // With as many steps as are kept, what looks new may have been forgotten.
    if (note && !profile.steps.has(step) && profile.steps.size < bounds.steps) {
      const { times, of } = this.#steps.seen(from, action)
      const bits = this.#steps.bits(from, action)
      if (bits >= ordinaryBits) note('sequence', `step=${step}`, bits, { from, action, times, of })
    }
    setBounded(profile.steps, step, atMs, bounds.steps)
    this.#steps.learn(from, action)
  }

  #add(profile: Profile): void {
    this.#profiles.set(profile.entity, profile)
    this.#join(profile)
    if (this.#profiles.size <= this.#config.entitiesMax) return
    const [name, oldest] = this.#profiles.entries().next().value as [string, Profile]
    this.#profiles.delete(name)
    this.#leave(oldest)
    this.counts.entitiesForgotten++
  }

  #join({ entity, group }: Profile): void {
    const members = this.#groups.get(group)
    if (members) members.add(entity)
    else this.#groups.set(group, new Set([entity]))
  }

  #leave({ entity, group }: Profile): void {
    const members = this.#groups.get(group)
    members?.delete(entity)
    if (members?.size === 0) this.#groups.delete(group)
  }

  #move(profile: Profile, group: string): void {
    this.#leave(profile)
    profile.group = group
    this.#join(profile)
  }

  *snapshot(): Generator<string> {
    yield JSON.stringify({ counts: this.counts, scores: this.#scores.snapshot(), steps: this.#steps.snapshot() })
    for (const profile of this.#profiles.values()) yield profileToLine(profile)
  }

  restore([head, ...lines]: readonly string[]): void {
    if (head === undefined) return
    const profiles = lines.map(profileFromLine)
    const { counts, scores, steps } = JSON.parse(head)
    Object.assign(this.counts, counts)
    this.#scores.restore(scores)
    this.#steps.restore(steps)
    this.#profiles = new Map(profiles.map((profile) => [profile.entity, profile]))
    this.#groups = new Map()
    for (const profile of profiles) this.#join(profile)
  }
}

type Note = (detector: Detector, id: string, bits: number, values: Reason['values'], once?: number) => void

export const departmentOf = ({ group }: Profile): string => group.slice(group.indexOf('/') + 1)
