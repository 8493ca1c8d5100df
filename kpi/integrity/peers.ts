// A funnel: the share of a unit's cases that a rule means, against what its peers' shares let expect for the same mix of
// cases. Honest units differ from one another, so the width of the funnel is estimated from them and not taken from a
// binomial alone (Spiegelhalter 2005). A tenth of units that fabricate must not widen the funnel that they are to fall out of:
// who is outside counts little or not at all.
import { betaBinomialLog, betaBinomialTail } from './statistics.ts'

/** Of one rule: what each stratum of a unit holds. */
export interface Counted {
  unit: string
  /** So many the unit's own habits let expect, whatever its peers show. */
  byHabit?: number
  strata: ReadonlyMap<string, { judged: number; suspects: number }>
}

export interface Compared {
  unit: string
  /** Cases in strata that enough others have as well. */
  count: number
  seen: number
  expected: number
  pValue: number
  /** The largest p-value up to `level` that so many cases can give; they are counted whole, so it may be far smaller, or 0. */
  attained(level: number): number
}

interface Told extends Compared {
  /** Cases of others that the expected number stands on. */
  peersSeen: number
}

export interface Funnel {
  units: Compared[]
  /** Squared coefficient of variation of the shares of units that are not far outside. */
  spread: number
}

/** Fewer peers with cases of a stratum do not say what is usual. */
const peersMin = 4
/** One case is chance, or one person's mistake. */
const seenMin = 2
/** As many cases of the overall share are added to what peers show of a stratum. */
const shrinkage = 20
/** Further outside than this, a unit does not say what is usual. */
const outsideMax = 0.002
/** Even alike units differ by a fifth. */
const spreadMin = 0.04
const spreadMax = 16
/** What is taken for likely before any unit was seen: coefficient of variation 0.7, anything from 0.25 to 2 well possible. */
const spreadUsual = 0.5
const spreadPriorWidth = 1
/** Where hardly any unit has what is looked for, they say nothing about how far units lie apart. */
const spreadUnknown = 1
/** Fewer do not say how far units lie apart. */
const unitsMin = 12
const expectedMin = 0.02
/** More than so many tell no better how far units lie apart. */
const unitsMax = 1500
/** Beyond so many deviations a unit counts as "at least so many": whoever is far outside pulls no harder than who is just outside. */
const censorAt = 1.3
/** A habit is never asked about, and is known better for it: the few who have it far more often widen its funnel. */
const censorHabitsAt = 5
const censorMin = 3
const rounds = 4
/** Up to so many expected cases every whole number of them is looked at, and so many steps far. */
const steppedMax = 4
const stepsMax = 60
/** So many of the units may fabricate in one way without hiding one another. */
const leftOut = 0.15
const searchSteps = 14

export interface PeerOptions {
  /** So many cases count as one. */
  clump?: number
  /** So many habits must meet in a case: each varies from unit to unit, and their product varies more. */
  habits?: number
  /** A unit with fewer is not compared. */
  casesMin?: number
  /** Honest units may lie as far apart as they like: those far outside say how far as well. */
  isHabit?: boolean
}

export const unitCasesMin = 30

export function compareWithPeers(
  counted: readonly Counted[],
  { clump = 1, habits = 1, casesMin = unitCasesMin, isHabit = false }: PeerOptions = {},
): Funnel {
  const outside = new Set<string>()
  const usual = (1 + spreadUsual) ** habits - 1
  const unknown = Math.max(spreadUnknown, usual)
  let spread = unknown
  // First without those who have most, whoever they are: if they fabricate, they must not say what is usual.
  let units = expectedOf(counted, mostOf(expectedOf(counted, outside, casesMin)), casesMin)
  for (let round = 0; ; round++) {
    for (const one of units) one.pValue = tail(one, spread, clump)
    const before = outside.size
    for (const { unit, pValue } of units) if (pValue < outsideMax) outside.add(unit)
    if (round === rounds || (round > 1 && outside.size === before)) {
      for (const one of units) one.attained = (level) => attained(one, spread, clump, level)
      return { units, spread }
    }
    units = expectedOf(counted, outside, casesMin)
    const telling = isHabit ? units : units.filter(({ unit }) => !outside.has(unit))
    spread = spreadOf(telling, clump, spread, usual, unknown, isHabit ? censorHabitsAt : censorAt)
  }
}

function mostOf(units: readonly Told[]): Set<string> {
  const order = units
    .filter(({ seen, expected }) => seen > expected)
    .sort((a, b) => b.seen / b.expected - a.seen / a.expected)
  return new Set(order.slice(0, Math.floor(units.length * leftOut)).map(({ unit }) => unit))
}

function tail(one: Told, spread: number, clump: number): number {
  const { seen, expected } = one
  if (seen < seenMin || seen <= expected) return 1
  return tailFrom(Math.floor(seen / clump), one, spread, clump)
}

function tailFrom(hits: number, { count, expected, peersSeen }: Told, spread: number, clump: number): number {
  const share = expected / count
  // What is usual is itself an estimate: of a few cases among all peers, it may as well be half or twice as many.
  const unsure = (1 + spread) * (1 + clump / (peersSeen + 1)) - 1
  return betaBinomialTail(hits, count / clump, share, correlationOf(unsure, share))
}

function attained(one: Told, spread: number, clump: number, level: number): number {
  // Where many are usual, one more or less hardly matters.
  if (one.expected > steppedMax * clump) return level
  const most = Math.floor(one.count / clump)
  const least = Math.ceil(Math.max(seenMin, Math.floor(one.expected) + 1) / clump)
  for (let hits = least; hits <= Math.min(most, least + stepsMax); hits++) {
    const pValue = tailFrom(hits, one, spread, clump)
    if (pValue <= level) return pValue
  }
  return most <= least + stepsMax ? 0 : level
}

/**
 * Of two cases of a unit, when shares of units have this squared coefficient of variation: of the rarer side, so that what
 * nearly all have is no less sharp than what hardly any have.
 */
function correlationOf(spread: number, share: number): number {
  return Math.min(0.5, (spread * Math.min(share, 1 - share)) / Math.max(share, 1 - share))
}

function expectedOf(counted: readonly Counted[], outside: ReadonlySet<string>, casesMin: number): Told[] {
  const pools = new Map<string, { units: number; judged: number; suspects: number }>()
  let [allJudged, allSuspects] = [0, 0]
  for (const { unit, strata } of counted) {
    if (outside.has(unit)) continue
    for (const [name, { judged, suspects }] of strata) {
      if (judged === 0) continue
      const pool = pools.get(name) ?? { units: 0, judged: 0, suspects: 0 }
      pool.units++
      pool.judged += judged
      pool.suspects += suspects
      pools.set(name, pool)
      allJudged += judged
      allSuspects += suspects
    }
  }
  return counted.flatMap(({ unit, strata, byHabit = 0 }): Told[] => {
    const isInside = !outside.has(unit)
    const [ownJudged, ownSuspects] = isInside ? totals(strata) : [0, 0]
    const overall = (allSuspects - ownSuspects + 0.5) / (allJudged - ownJudged + 1)
    let [count, seen, expected] = [0, 0, 0]
    for (const [name, { judged, suspects }] of strata) {
      const pool = pools.get(name)
      if (!pool || judged === 0 || pool.units - (isInside ? 1 : 0) < peersMin) continue
      // What the unit itself shows says nothing about what is usual.
      const peersJudged = pool.judged - (isInside ? judged : 0)
      const peersSuspects = pool.suspects - (isInside ? suspects : 0)
      count += judged
      seen += suspects
      expected += (judged * (peersSuspects + shrinkage * overall)) / (peersJudged + shrinkage)
    }
    // Never less than if half a case had been seen among all peers: that nobody has it is not known to the last digit.
    const least = (count * 0.5) / (allJudged - ownJudged + 1)
    if (count < casesMin) return []
    const peersSeen = allSuspects - ownSuspects
    return [
      {
        unit,
        count,
        seen,
        expected: Math.min(count, Math.max(least, expected, byHabit)),
        peersSeen,
        pValue: 1,
        attained: (level) => level,
      },
    ]
  })
}

function totals(strata: Counted['strata']): [number, number] {
  let [judged, suspects] = [0, 0]
  for (const one of strata.values()) {
    judged += one.judged
    suspects += one.suspects
  }
  return [judged, suspects]
}

/**
 * The most likely spread of a beta-binomial, given what the units have and a weak opinion beforehand. What a unit has beyond
 * `censored` deviations is taken as "at least that", so that those who are outside widen the funnel little.
 */
function spreadOf(
  units: readonly Compared[],
  clump: number,
  before: number,
  usual: number,
  unknown: number,
  censored: number,
): number {
  const told = units.filter(({ expected }) => expected > expectedMin * clump)
  if (told.length < unitsMin) return unknown
  const every = Math.ceil(told.length / unitsMax)
  const used = told
    .filter((_, at) => at % every === 0)
    .map(({ seen, count, expected }) => {
      const mean = expected / clump
      const bound = Math.max(censorMin, Math.ceil(mean + censored * Math.sqrt(mean + mean * mean * before)))
      const hits = Math.floor(seen / clump)
      return { hits: Math.min(hits, bound), isCensored: hits >= bound, trials: count / clump, share: expected / count }
    })
  const likelihood = (logSpread: number): number => {
    const spread = Math.exp(logSpread)
    let sum = -((logSpread - Math.log(usual)) ** 2) / (2 * spreadPriorWidth ** 2)
    for (const { hits, isCensored, trials, share } of used) {
      const correlation = correlationOf(spread, share)
      sum += isCensored
        ? Math.log(betaBinomialTail(hits, trials, share, correlation) + 1e-300)
        : betaBinomialLog(hits, trials, share, correlation)
    }
    return sum
  }
  // Golden section: the likelihood has one hill.
  const ratio = (Math.sqrt(5) - 1) / 2
  let [low, high] = [Math.log(spreadMin), Math.log(spreadMax)]
  let [a, b] = [high - ratio * (high - low), low + ratio * (high - low)]
  let [atA, atB] = [likelihood(a), likelihood(b)]
  for (let i = 0; i < searchSteps; i++)
    if (atA > atB) {
      ;[high, b, atB] = [b, a, atA]
      a = high - ratio * (high - low)
      atA = likelihood(a)
    } else {
      ;[low, a, atA] = [a, b, atB]
      b = low + ratio * (high - low)
      atB = likelihood(b)
    }
  return Math.exp((low + high) / 2)
}
