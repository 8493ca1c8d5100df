// What is known of one account or host: bounded, decaying, and all of it a function of the events so far.
import type { Measure, Relation } from './facts.ts'

export interface KnownValue {
  firstMs: number
  lastMs: number
  /** Periods in which it was seen; not decayed. */
  periods: number
}

export interface RelationState {
  values: Map<string, KnownValue>
  /** Decayed periods in which anything of this relation was seen, and those that brought something new. */
  active: number
  novel: number
  /** The periods last counted in the two. */
  activeAt: number
  novelAt: number
  decayedMs: number
  /** When a value was last dropped for want of room: "for the first time" could not be said since. */
  forgotMs: number | null
  /** Values of this period that were judged: beyond a few they change no score, and each costs a look at all peers. */
  judged: number
}

export type Detector = 'firstSeen' | 'rare' | 'volume' | 'time' | 'sequence'

export interface Reason {
  detector: Detector
  /** What it is about: the same thing within a period counts once, with its highest bits. */
  id: string
  bits: number
  /** Of these, what counts once for all new values of a kind: that anything new came at all. */
  once: number
  atMs: number
  eventId: string
  /** For the words. */
  values: Record<string, string | number>
}

/** Less is an ordinary hour's chance: of hours and steps many are looked at in a period. */
export const ordinaryBits = 4

/** Most surprising first, without the ordinary: that adds its little to the score and explains nothing. */
export const worthSaying = (reasons: Iterable<Reason>): Reason[] =>
  [...reasons].filter(({ bits }) => bits >= ordinaryBits).sort((a, b) => b.bits - a.bits)

export interface Profile {
  entity: string
  group: string
  firstMs: number
  lastMs: number
  /** Periods with an event. */
  periods: number
  period: number
  /** Decayed periods with an event, as of the beginning of the latest. */
  presence: number
  presenceMs: number
  /** Active hours of this period. */
  hoursActive: number
  relations: Partial<Record<Relation, RelationState>>
  /** Active hours by hour of the day: working days, then weekends. Decayed. */
  hours: number[]
  hoursDecayedMs: number
  hour: number
  counts: Record<Measure, number>
  /** The count at which it is judged next: at its doublings, not at each event. */
  judgeAt: Record<Measure, number>
  /** Of the active hours before, oldest first. */
  history: Record<Measure, number[]>
  lastAction: string
  lastActionMs: number
  /** Steps of its own, by when each was last seen. */
  steps: Map<string, number>
  reasons: Map<string, Reason>
  score: number
  toldScore: number
  /** Scores of the latest periods: number of the period, score. */
  past: [number, number][]
}

export const bounds = {
  valuesPerRelation: 64,
  historyHours: 72,
  steps: 64,
  reasons: 40,
  past: 60,
} as const

/** A step in the logarithm that is always ordinary, by measure. */
export const floors: Record<Measure, number> = { failed: 0.35, bytes: 0.5, events: 0.35 }

export function newProfile(entity: string, group: string, atMs: number): Profile {
  return {
    ...{ entity, group, firstMs: atMs, lastMs: atMs, periods: 0, period: Number.NEGATIVE_INFINITY, relations: {} },
    ...{ presence: 0, presenceMs: atMs, hoursActive: 0 },
    ...{ hours: new Array<number>(48).fill(0), hoursDecayedMs: atMs, hour: Number.NEGATIVE_INFINITY },
    counts: { failed: 0, bytes: 0, events: 0 },
    judgeAt: { failed: 1, bytes: 1, events: 1 },
    history: { failed: [], bytes: [], events: [] },
    ...{ lastAction: '', lastActionMs: 0, steps: new Map(), reasons: new Map(), score: 0, toldScore: 0, past: [] },
  }
}

/** Keeps the newest: a map's order is the order of its last setting. */
export function setBounded<T>(map: Map<string, T>, key: string, value: T, most: number): boolean {
  map.delete(key)
  map.set(key, value)
  if (map.size <= most) return false
  map.delete(map.keys().next().value as string)
  return true
}

/**
 * Of new values of one kind: that anything new came counts once; that no peer has the n-th counts 1/√n, for values that
 * come together are neither one piece of evidence nor as many. Of anything else the n-th counts 1/n: ten strange hours
 * are one story. Kinds and detectors add up.
 */
export function scoreOf(reasons: Iterable<Reason>, weights: Record<Detector, number>): number {
  const kinds = new Map<string, { detector: Detector; once: number; each: number[] }>()
  for (const { detector, id, bits, once } of reasons) {
    const key = `${detector} ${id.slice(0, id.indexOf('='))}`
    const kind = kinds.get(key) ?? { detector, once: 0, each: [] }
    kinds.set(key, kind)
    kind.once = Math.max(kind.once, once)
    kind.each.push(bits - once)
  }
  let score = 0
  for (const { detector, once, each } of kinds.values()) {
    let sum = once
    for (const [i, bits] of each.sort((a, b) => b - a).entries())
      sum += bits / (detector === 'firstSeen' ? Math.sqrt(i + 1) : i + 1)
    score += sum * weights[detector]
  }
  return score
}

/** JSON has no infinity and no maps. */
export function profileToLine(profile: Profile): string {
  const { relations, steps, reasons, period, hour, ...rest } = profile
  return JSON.stringify({
    ...rest,
    period: Number.isFinite(period) ? period : null,
    hour: Number.isFinite(hour) ? hour : null,
    relations: Object.entries(relations).map(([name, { values, ...state }]) => [
      name,
      { ...state, activeAt: finite(state.activeAt), novelAt: finite(state.novelAt), values: [...values] },
    ]),
    ...{ steps: [...steps], reasons: [...reasons.values()] },
  })
}

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null)

interface Stored extends Omit<Profile, 'relations' | 'steps' | 'reasons' | 'period' | 'hour'> {
  period: number | null
  hour: number | null
  relations: [
    Relation,
    Omit<RelationState, 'values' | 'activeAt' | 'novelAt'> & {
      values: [string, KnownValue][]
      activeAt: number | null
      novelAt: number | null
    },
  ][]
  steps: [string, number][]
  reasons: Reason[]
}

export function profileFromLine(line: string): Profile {
  const stored = JSON.parse(line) as Stored
  const never = Number.NEGATIVE_INFINITY
  return {
    ...stored,
    ...{ period: stored.period ?? never, hour: stored.hour ?? never },
    relations: Object.fromEntries(
      stored.relations.map(([name, { values, activeAt, novelAt, ...state }]) => [
        name,
        { ...state, activeAt: activeAt ?? never, novelAt: novelAt ?? never, values: new Map(values) },
      ]),
    ),
    steps: new Map(stored.steps),
    reasons: new Map(stored.reasons.map((reason) => [reason.id, reason])),
  }
}
