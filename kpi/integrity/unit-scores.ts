// All signs of a unit as one: how unusual its loudest sign is. First every rule is measured by its own tail (stretch.ts), then the
// loudest contradiction and the loudest of habits and changes, each by what is usual among all units, so that the share of honest
// units that stand out is what is asked for, whatever the tails of single rules are. Contradictions are rare, and are counted by
// what they can give; of the many others the largest follows Gumbel's distribution (an empirical null, Efron 2004). False
// discoveries are held over units first, and over the signs of those that stand out after that (Benjamini and Bogomolov 2014):
// who is asked is a unit, not a test. Who only has habits is not asked.
import type { Ground } from './case-rules.ts'
import { qValues } from './statistics.ts'
import { stretchOf } from './stretch.ts'

export interface UnitScore {
  unit: string
  /** The loudest. */
  rule: string
  /** Of honest units, so many have a sign as loud. */
  pValue: number
}

interface Test {
  unit: string
  rule: string
  check?: string
  pValue: number
  ground?: Ground
  attained?(level: number): number
}

export interface Scores {
  units: UnitScore[]
  /** Of each test, in their order: the smallest rate of false discoveries over units at which its unit is asked about it. */
  qValues: number[]
}

/** Fewer units do not say what is usual. */
const unitsMin = 40
/** Quantiles of all units that are taken for those of honest ones: a fifth may fabricate. */
const upper = [0.5, 0.6, 0.7, 0.8] as const
/** If more do, the quieter half still tells; tails are a little longer than it says. */
const lower = [0.1, 0.2, 0.3, 0.4] as const
const longerTail = 1.6
/** Exact p-values make the scale 1, larger tails a larger one. */
const scaleMin = 0.7
const pMin = 1e-300
/** Of honest units hardly one in two hundred stands out as far. */
const trimMax = 0.005
const trimRounds = 3

/**
 * Far out the tail of honest units is known worse than where spot checks begin, and one in two hundred counts there: before
 * anybody is asked it is taken to be longer by the uncertainty of its scale.
 */
const askedTail = 1.25

/** Of honest units that may stand out, so large a part by contradictions; the rest by habits and changes. */
const contradictionPart = 0.7
/** As loud, another sign speaks for a habit being more than one. */
const corroborationMax = 0.01

/** Of the signs of one kind: of each unit the loudest, how usual that is, and how usual at the least before anybody is asked. */
interface Loudest {
  unit: string
  rule: string
  pValue: number
  askedPValue: number
}

/** @param dependent Benjamini–Yekutieli instead of Benjamini–Hochberg */
export function unitScores(given: readonly Test[], dependent = false): Scores {
  const tests = ownTails(given).map((one, at) => ({ ...one, at }))
  const contradictions = tests.filter(({ ground = 'habit' }) => ground === 'contradiction')
  const others = tests.filter(({ ground = 'habit' }) => ground !== 'contradiction')
  const part = others.length === 0 ? 1 : contradictions.length === 0 ? 0 : contradictionPart
  const found = new Array<number>(tests.length).fill(1)
  const units = new Map<string, UnitScore>()
  const corroborated = corroborationOf(tests)
  for (const [list, share, all] of [
    [contradictions, part, rareLoudest(contradictions)],
    [others, 1 - part, usualLoudest(others)],
  ] as const) {
    for (const { unit, rule, pValue } of all) {
      const own = Math.min(1, pValue / share)
      if (own < (units.get(unit)?.pValue ?? 2)) units.set(unit, { unit, rule, pValue: own })
    }
    const own = withinUnits(list, all, dependent)
    list.forEach(({ at, unit, check, ground }, i) => {
      if (ground !== 'habit' || corroborated(unit, check)) found[at] = own[i]!
    })
  }
  return { units: [...units.values()], qValues: found }
}

/** Whether something that is no habit speaks for it as well: a contradiction of another check, or a change against its own past. */
function corroborationOf(tests: readonly Test[]): (unit: string, check?: string) => boolean {
  const checks = new Map<string, Set<string | undefined>>()
  for (const { unit, check, ground = 'habit', pValue } of tests)
    if (ground !== 'habit' && pValue <= corroborationMax) {
      const own = checks.get(unit) ?? new Set()
      checks.set(unit, own.add(check))
    }
  return (unit, check) => [...(checks.get(unit) ?? [])].some((other) => other !== check)
}

/**
 * Signs that most units do not have at all: how likely the loudest of a unit is by chance is counted from what its tests can
 * give (Tarone 1990), and then measured by the tail of all units.
 */
function rareLoudest(tests: readonly Test[]): Loudest[] {
  const all = [...Map.groupBy(tests, ({ unit }) => unit)].map(([unit, list]) => {
    const loudest = list.reduce((a, b) => (b.pValue < a.pValue ? b : a))
    let none = 0
    for (const one of list)
      none += Math.log1p(
        -Math.min(1 - 1e-16, one === loudest ? one.pValue : (one.attained?.(loudest.pValue) ?? loudest.pValue)),
      )
    return { unit, rule: loudest.rule, pValue: Math.max(loudest.pValue, -Math.expm1(none)) }
  })
  const stretch = stretchOf(all.map(({ pValue }) => pValue))
  return all.map((one) => ({
    ...one,
    pValue: one.pValue ** (1 / stretch),
    askedPValue: one.pValue ** (1 / (stretch * askedTail)),
  }))
}

function usualLoudest(tests: readonly Test[]): Loudest[] {
  const byUnit = Map.groupBy(tests, ({ unit }) => unit)
  const all = [...byUnit.values()].map((list) => list.reduce((a, b) => (b.pValue < a.pValue ? b : a)))
  const values = all.map(loudness)
  const tail = loudnessTail(values)
  const quieter = tail && withoutLoud(values, tail)
  return all.map((one) => {
    // As if all tests were independent and exact.
    const exact = -Math.expm1(byUnit.get(one.unit)!.length * Math.log1p(-Math.min(1 - 1e-16, one.pValue)))
    const pValueAt = (longer: number): number => Math.max(exact, quieter?.(loudness(one), longer) ?? 0)
    return { unit: one.unit, rule: one.rule, pValue: pValueAt(1), askedPValue: pValueAt(askedTail) }
  })
}

function ownTails(tests: readonly Test[]): Test[] {
  const byRule = Map.groupBy(tests, ({ rule }) => rule)
  const stretches = new Map([...byRule].map(([rule, list]) => [rule, stretchOf(list.map(({ pValue }) => pValue))]))
  return tests.map(({ unit, rule, check, ground, pValue, attained }) => {
    const stretch = stretches.get(rule)!
    return {
      ...{ unit, rule, check, ground, pValue: pValue ** (1 / stretch) },
      attained: attained && ((level) => attained(level ** stretch) ** (1 / stretch)),
    }
  })
}

/** Of the signs of a unit that is asked, those that hold at the rate that its selection leaves. */
function withinUnits(tests: readonly Test[], units: readonly Loudest[], dependent: boolean): number[] {
  const unitQ = qValues(
    units.map(({ askedPValue }) => askedPValue),
    dependent,
  )
  const qOf = new Map(units.map(({ unit }, at) => [unit, unitQ[at]!]))
  const sorted = [...qOf.values()].sort((a, b) => a - b)
  const found = new Array<number>(tests.length).fill(1)
  const byUnit = Map.groupBy(
    tests.map((one, at) => ({ ...one, at })),
    ({ unit }) => unit,
  )
  for (const [unit, list] of byUnit) {
    const unitQ = qOf.get(unit)!
    const selected = sorted.filter((q) => q <= unitQ).length
    const own = qValues(
      list.map(({ pValue }) => pValue),
      dependent,
    )
    list.forEach(({ at }, i) => {
      found[at] = Math.min(1, Math.max(unitQ, (own[i]! * qOf.size) / selected))
    })
  }
  return found
}

function loudness({ pValue }: Test): number {
  return -Math.log(Math.max(pMin, pValue))
}

/** What is usual among those that do not stand out by far: who fabricates is not to hide who does it less. */
function withoutLoud(values: readonly number[], tail: Tail): Tail {
  let found = tail
  let inside = values
  for (let round = 0; round < trimRounds; round++) {
    const standing = found
    inside = inside.filter((value) => standing(value, 1) > trimMax)
    found = loudnessTail(inside) ?? found
  }
  return found
}

/** @param longer times by which the tail is taken to be longer than it was fitted */
type Tail = (value: number, longer: number) => number

/**
 * @param values of each unit the largest of many
 * @returns how many honest units have as much; undefined when there are too few to tell
 */
export function loudnessTail(values: readonly number[]): Tail | undefined {
  if (values.length < unitsMin) return undefined
  const sorted = [...values].sort((a, b) => a - b)
  const [quiet, usual] = [lineThrough(sorted, lower), lineThrough(sorted, upper)]
  const isCrowded = usual.scale > longerTail * quiet.scale
  const scale = Math.max(scaleMin, isCrowded ? longerTail * quiet.scale : usual.scale)
  const { x, y } = isCrowded ? quiet : usual
  const place = y - scale * x
  return (value, longer) => -Math.expm1(-Math.exp(-(value - place) / (scale * longer)))
}

/** Least squares: quantiles of a Gumbel distribution lie on a line over -ln(-ln p). */
function lineThrough(sorted: readonly number[], quantiles: readonly number[]): { x: number; y: number; scale: number } {
  const points = quantiles.map((p) => ({ x: -Math.log(-Math.log(p)), y: sorted[Math.round(p * (sorted.length - 1))]! }))
  const mean = (of: (one: (typeof points)[number]) => number): number =>
    points.reduce((sum, one) => sum + of(one), 0) / points.length
  const [x, y] = [mean((one) => one.x), mean((one) => one.y)]
  return { x, y, scale: mean((one) => (one.x - x) * (one.y - y)) / mean((one) => (one.x - x) ** 2) }
}
