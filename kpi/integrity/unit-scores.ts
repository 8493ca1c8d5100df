// All signs of a unit as one: how unusual its loudest sign is among the loudest signs of all units. A rule that is loud
// everywhere is no sign, so that the share of honest units that stand out is what is asked for, whatever the tails of single
// rules are; how loud is usual is read from the units themselves (an empirical null, Efron 2004), and the largest of many
// follows Gumbel's distribution.

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
  /** Of each test, in their order: no smaller than all units let it be, those included that stand out. */
  pValues: number[]
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

export function unitScores(tests: readonly Test[]): Scores {
  const loudest = new Map<string, Test & { count: number }>()
  for (const one of tests) {
    const before = loudest.get(one.unit)
    if (!before) loudest.set(one.unit, { ...one, count: 1 })
    else {
      before.count++
      if (one.pValue < before.pValue) Object.assign(before, { rule: one.rule, pValue: one.pValue })
    }
  }
  const all = [...loudest.values()]
  const values = all.map(loudness)
  const tail = loudnessTail(values)
  const quieter = tail && withoutLoud(values, tail)
  return {
    units: all.map((one) => {
      // As if all tests were independent and exact.
      const exact = -Math.expm1(one.count * Math.log1p(-Math.min(1 - 1e-16, one.pValue)))
      return { unit: one.unit, rule: one.rule, pValue: Math.max(exact, quieter?.(loudness(one)) ?? 0) }
    }),
    pValues: tests.map((one) =>
      Math.max(one.pValue, (tail?.(loudness(one)) ?? 0) / (loudest.get(one.unit)?.count ?? 1)),
    ),
  }
}

function loudness({ pValue }: Test): number {
  return -Math.log(Math.max(pMin, pValue))
}

/** What is usual among those that do not stand out by far: who fabricates is not to hide who does it less. */
function withoutLoud(values: readonly number[], tail: (value: number) => number): (value: number) => number {
  let found = tail
  let inside = values
  for (let round = 0; round < trimRounds; round++) {
    const standing = found
    inside = inside.filter((value) => standing(value) > trimMax)
    found = loudnessTail(inside) ?? found
  }
  return found
}

/**
 * @param values of each unit the largest of many
 * @returns how many honest units have as much; undefined when there are too few to tell
 */
export function loudnessTail(values: readonly number[]): ((value: number) => number) | undefined {
  if (values.length < unitsMin) return undefined
  const sorted = [...values].sort((a, b) => a - b)
  const [quiet, usual] = [lineThrough(sorted, lower), lineThrough(sorted, upper)]
  const isCrowded = usual.scale > longerTail * quiet.scale
  const scale = Math.max(scaleMin, isCrowded ? longerTail * quiet.scale : usual.scale)
  const { x, y } = isCrowded ? quiet : usual
  const place = y - scale * x
  return (value) => -Math.expm1(-Math.exp(-(value - place) / scale))
}

/** Least squares: quantiles of a Gumbel distribution lie on a line over -ln(-ln p). */
function lineThrough(sorted: readonly number[], quantiles: readonly number[]): { x: number; y: number; scale: number } {
  const points = quantiles.map((p) => ({ x: -Math.log(-Math.log(p)), y: sorted[Math.round(p * (sorted.length - 1))]! }))
  const mean = (of: (one: (typeof points)[number]) => number): number =>
    points.reduce((sum, one) => sum + of(one), 0) / points.length
  const [x, y] = [mean((one) => one.x), mean((one) => one.y)]
  return { x, y, scale: mean((one) => (one.x - x) * (one.y - y)) / mean((one) => (one.x - x) ** 2) }
}
