// All signs of a unit as one: how unusual its loudest sign is among the loudest signs of all units. First every rule is measured
// by its own tail (stretch.ts), then the loudest by that of all units, so that the share of honest units that stand out is what is
// asked for, whatever the tails of single rules are; how loud is usual is read from the units themselves (an empirical null,
// Efron 2004), and the largest of many follows Gumbel's distribution. False discoveries are held over units first, and over the
// signs of those that stand out after that (Benjamini and Bogomolov 2014): who is asked is a unit, not a test.
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
  pValue: number
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

/** @param dependent Benjamini–Yekutieli instead of Benjamini–Hochberg */
export function unitScores(given: readonly Test[], dependent = false): Scores {
  const tests = ownTails(given)
  const byUnit = Map.groupBy(tests, ({ unit }) => unit)
  const all = [...byUnit.values()].map((list) => list.reduce((a, b) => (b.pValue < a.pValue ? b : a)))
  const values = all.map(loudness)
  const tail = loudnessTail(values)
  const quieter = tail && withoutLoud(values, tail)
  // As if all tests were independent and exact.
  const exact = all.map(
    ({ unit, pValue }) => -Math.expm1(byUnit.get(unit)!.length * Math.log1p(-Math.min(1 - 1e-16, pValue))),
  )
  const unitQ = qValues(
    all.map((one, at) => Math.max(exact[at]!, quieter?.(loudness(one), askedTail) ?? 0)),
    dependent,
  )
  const qOf = new Map(all.map(({ unit }, at) => [unit, unitQ[at]!]))
  return {
    units: all.map((one, at) => ({
      ...{ unit: one.unit, rule: one.rule },
      pValue: Math.max(exact[at]!, quieter?.(loudness(one), 1) ?? 0),
    })),
    qValues: withinUnits(tests, qOf, dependent),
  }
}

function ownTails(tests: readonly Test[]): Test[] {
  const byRule = Map.groupBy(tests, ({ rule }) => rule)
  const stretch = new Map([...byRule].map(([rule, list]) => [rule, stretchOf(list.map(({ pValue }) => pValue))]))
  return tests.map((one) => ({ ...one, pValue: one.pValue ** (1 / stretch.get(one.rule)!) }))
}

/** Of the signs of a unit that is asked, those that hold at the rate that its selection leaves. */
function withinUnits(tests: readonly Test[], qOf: ReadonlyMap<string, number>, dependent: boolean): number[] {
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
