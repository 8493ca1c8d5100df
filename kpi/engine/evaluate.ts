// A choice of switches applied to counted signatures. Nothing here looks at a fact: a what-if costs as much as there are
// signatures, however many cases stand behind them.
import type { ValueState } from '../contract.ts'
import type { Formula, Plan } from '../definitions/plan.ts'
import { add, divide, multiply, plainText, type Rational, rational, sum, zero } from '../rational.ts'
import { type Cell, type Cells, valuesOf } from './cells.ts'

export interface Outcome {
  state: Exclude<ValueState, 'provisional' | 'disputed'>
  ratio: Rational | null
  numerator: string | null
  denominator: string | null
  count: number
  groups: { count: number; counted: number } | null
  exclusions: Record<string, number>
}

interface Sides {
  above: Rational
  below: Rational
  /** Facts of the population. */
  count: number
  /** … that are not excluded. */
  counted: number
  countAbove: number
  countBelow: number
  exclusions: Map<string, number>
}

export function evaluateCell(plan: Plan, formula: Formula, cell: Cell): Outcome {
  return outcomeOf(plan, formula, [sidesOf(plan, formula, cell)], null)
}

/** `groupAt`: position in the key of the dimension over which a mean is taken. */
export function evaluateCells(plan: Plan, formula: Formula, cells: Cells, groupAt: number): Outcome {
  if (formula.aggregation !== 'mean') {
    const sides = [...cells.values()].map((cell) => sidesOf(plan, formula, cell))
    return outcomeOf(plan, formula, sides, null)
  }
  const groups = new Map<string, Sides>()
  for (const [key, cell] of cells) {
    const name = valuesOf(key)[groupAt] ?? ''
    const sides = sidesOf(plan, formula, cell)
    const before = groups.get(name)
    groups.set(name, before ? joined(before, sides) : sides)
  }
  const all = [...groups.values()]
  return outcomeOf(plan, formula, all, all)
}

function sidesOf(plan: Plan, formula: Formula, cell: Cell): Sides {
  const sides = emptySides()
  const has = (bits: number, atom: number): boolean => atom < 0 || (bits & (1 << atom)) !== 0
  const missing = (bits: number, measure: number): boolean => (bits & (1 << (plan.atoms.length + measure))) !== 0
  for (const { bits, count, sums } of cell.values()) {
    if (count === 0) continue
    const within = has(bits, formula.population) || formula.allow.some((atom) => has(bits, atom))
    if (!within || !formula.require.every((atom) => has(bits, atom))) continue
    sides.count += count
    const below = formula.denominator.all.every((atom) => has(bits, atom))
    const above =
      formula.numerator.all.every((atom) => has(bits, atom)) || formula.numerator.any.some((atom) => has(bits, atom))
    const part = below && !above ? formula.credit.find(({ atom }) => has(bits, atom)) : undefined
    let reason = formula.exclude.find(({ atom }) => has(bits, atom))?.reason
    if (reason === undefined && below && missing(bits, formula.denominator.measure)) reason = 'missing-value'
    if (reason === undefined && (above || part) && missing(bits, formula.numerator.measure)) reason = 'missing-value'
    if (reason !== undefined) {
      sides.exclusions.set(reason, (sides.exclusions.get(reason) ?? 0) + count)
      continue
    }
    sides.counted += count
    const amount = (measure: number): Rational => (measure === 0 ? rational(count) : sums[measure]!)
    if (below) {
      sides.below = add(sides.below, amount(formula.denominator.measure))
      sides.countBelow += count
    }
    if (above || part) {
      const whole = amount(formula.numerator.measure)
      sides.above = add(sides.above, part ? multiply(whole, part.value) : whole)
      sides.countAbove += count
    }
  }
  return sides
}

function outcomeOf(plan: Plan, { aggregation }: Formula, parts: Sides[], groups: Sides[] | null): Outcome {
  const all = parts.reduce(joined, emptySides())
  all.above = sum(parts.map(({ above }) => above))
  all.below = sum(parts.map(({ below }) => below))
  const exclusions = Object.fromEntries([...all.exclusions].sort(([a], [b]) => (a < b ? -1 : 1)))
  const base = { count: all.count, exclusions, groups: null as Outcome['groups'] }
  const none = (state: 'missing' | 'not-applicable' | 'suppressed'): Outcome => ({
    ...base,
    ...{ state, ratio: null, numerator: null, denominator: null },
  })
  const withGroups = groups?.filter(({ counted }) => counted > 0) ?? []
  const counted = withGroups.filter(({ below }) => below.n !== 0n)
  if (groups) base.groups = { count: withGroups.length, counted: counted.length }
  if (all.count === 0) return none('missing')
  if (aggregation === 'difference' && (all.countAbove === 0 || all.countBelow === 0)) return none('missing')
  if (all.counted === 0) return none('not-applicable')
  if (all.counted < plan.definition.suppressBelow) return none('suppressed')
  let ratio: Rational
  if (aggregation === 'ratio') {
    if (all.below.n === 0n) return none('not-applicable')
    ratio = divide(all.above, all.below)
  } else if (aggregation === 'mean') {
    if (counted.length === 0) return none('not-applicable')
    ratio = divide(sum(counted.map(({ above, below }) => divide(above, below))), rational(counted.length))
  } else ratio = aggregation === 'total' ? all.above : add(all.above, { n: -all.below.n, d: all.below.d })
  return {
    ...base,
    state: ratio.n === 0n ? 'zero' : 'value',
    ratio,
    numerator: plainText(all.above),
    denominator: aggregation === 'total' ? '1' : plainText(all.below),
  }
}

function emptySides(): Sides {
  return { above: zero, below: zero, count: 0, counted: 0, countAbove: 0, countBelow: 0, exclusions: new Map() }
}

function joined(a: Sides, b: Sides): Sides {
  const exclusions = new Map(a.exclusions)
  for (const [reason, count] of b.exclusions) exclusions.set(reason, (exclusions.get(reason) ?? 0) + count)
  return {
    above: add(a.above, b.above),
    below: add(a.below, b.below),
    count: a.count + b.count,
    counted: a.counted + b.counted,
    countAbove: a.countAbove + b.countAbove,
    countBelow: a.countBelow + b.countBelow,
    exclusions,
  }
}
