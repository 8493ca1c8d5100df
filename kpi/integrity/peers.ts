// A funnel: the share of a unit's cases that a rule means, against what its peers' shares let expect for the same mix of
// cases. Honest units differ from one another, so the width of the funnel is estimated from them and not taken from a
// binomial alone (Spiegelhalter 2005). It is taken from the middle half of them: a tenth of units that fabricate stand above
// it and must not widen the funnel that they are to fall out of.
import { betaBinomialTail } from './statistics.ts'

/** Of one rule: what each stratum of a unit holds. */
export interface Counted {
  unit: string
  strata: ReadonlyMap<string, { judged: number; suspects: number }>
}

export interface Compared {
  unit: string
  /** Cases in strata that enough others have as well. */
  count: number
  seen: number
  expected: number
  pValue: number
}

export interface Funnel {
  units: Compared[]
  /** Squared coefficient of variation of the shares of units that are not far outside. */
  spread: number
}

/** Fewer peers with cases of a stratum do not say what is usual. */
const peersMin = 4
const casesMin = 30
/** Three cases are chance, or one person's mistake. */
const seenMin = 4
/** As many cases of the overall share are added to what peers show of a stratum. */
const shrinkage = 20
/** Further outside than this, a unit does not say what is usual. */
const outsideMax = 0.002
/** Even alike units differ by a fifth. */
const spreadMin = 0.04
/** Of what is rare everywhere, honest units may well have twice as much as others, or none. */
const spreadRareMin = 1
const expectedMin = 3
const unitsMin = 30
/** Fewer do not say how far units lie apart. */
const rareUnitsMin = 12
const normalMiddleHalf = 1.349
/** Shares of units have longer tails than their middle half says. */
const tails = 1.8
const rounds = 4

/** @param clump so many cases count as one */
export function compareWithPeers(counted: readonly Counted[], clump = 1): Funnel {
  const outside = new Set<string>()
  let spread = spreadRareMin
  let units: Compared[] = []
  for (let round = 0; round < rounds; round++) {
    units = expectedOf(counted, outside)
    const inside = units.filter(({ unit }) => !outside.has(unit))
    spread = Math.max(spreadMin, spreadOf(inside, clump))
    for (const one of units) one.pValue = tail(one, spread, clump)
    const before = outside.size
    for (const { unit, pValue } of units) if (pValue < outsideMax) outside.add(unit)
    if (outside.size === before) break
  }
  return { units, spread }
}

function tail({ seen, count, expected }: Compared, spread: number, clump: number): number {
  if (seen < seenMin || seen <= expected) return 1
  const share = expected / count
  return betaBinomialTail(Math.floor(seen / clump), count / clump, share, Math.min(0.5, (spread * share) / (1 - share)))
}

function expectedOf(counted: readonly Counted[], outside: ReadonlySet<string>): Compared[] {
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
  return counted.flatMap(({ unit, strata }): Compared[] => {
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
    return count < casesMin ? [] : [{ unit, count, seen, expected: Math.max(least, expected), pValue: 1 }]
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

/** The spread at which the middle half of the units lies as close together as that of a normal distribution. */
function spreadOf(units: readonly Compared[], clump: number): number {
  const used = units.filter(({ expected }) => expected >= expectedMin * clump)
  if (used.length < unitsMin) return spreadOfRare(units, clump)
  const middleHalf = (spread: number): number => {
    const distances = used.map(({ seen, count, expected }) => {
      const variance = clump * expected * (1 - expected / count) + expected * expected * spread
      return (seen - expected) / Math.sqrt(variance)
    })
    distances.sort((a, b) => a - b)
    const at = (share: number): number => distances[Math.round(share * (distances.length - 1))]!
    return at(0.75) - at(0.25)
  }
  if (middleHalf(0) <= normalMiddleHalf) return 0
  let [low, high] = [0, 16]
  for (let i = 0; i < 24; i++) {
    const middle = (low + high) / 2
    if (middleHalf(middle) > normalMiddleHalf) low = middle
    else high = middle
  }
  return high * tails
}

/** Paule and Mandel 1982: squared distances, each over its own variance, come to one per unit; one far outside counts as three. */
function spreadOfRare(units: readonly Compared[], clump: number): number {
  const used = units.filter(({ expected }) => expected > 0.05 * clump)
  const excess = (spread: number): number => {
    let sum = 0
    for (const { seen, count, expected } of used) {
      const variance = clump * expected * (1 - expected / count) + expected * expected * spread
      sum += Math.min(9, (seen - expected) ** 2 / variance)
    }
    return sum - used.length
  }
  if (used.length < rareUnitsMin || excess(spreadRareMin) <= 0) return spreadRareMin
  let [low, high] = [spreadRareMin, 16]
  for (let i = 0; i < 16; i++) {
    const middle = (low + high) / 2
    if (excess(middle) > 0) low = middle
    else high = middle
  }
  return high * tails
}
