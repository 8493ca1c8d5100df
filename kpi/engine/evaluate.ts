// A choice of switches applied to counted signatures. Nothing here looks at a fact: a what-if costs as much as there are
// rows, however many cases stand behind them.
import type { ValueState } from '../contract.ts'
import type { Formula, Plan } from '../definitions/plan.ts'
import { add, divide, multiply, plainText, type Rational, rational, sum } from '../rational.ts'
import { type Cells, common } from './cells.ts'

export interface Outcome {
  state: Exclude<ValueState, 'provisional' | 'disputed'>
  ratio: Rational | null
  numerator: string | null
  denominator: string | null
  count: number
  groups: { count: number; counted: number } | null
  exclusions: Record<string, number>
}

/** The outcome of one combination of the dimensions asked for. */
export interface EvaluatedCell {
  values: string[]
  outcome: Outcome
}

/** What a signature means under one formula. */
interface Verdict {
  within: boolean
  reason: string | undefined
  below: boolean
  above: boolean
  part: Rational | undefined
}

/** Plain numbers while they are exact: a mean over all items of a province has half a million of them. */
type Amount = Rational | { n: number; d: number }

interface Sides<A = Amount> {
  above: A
  below: A
  /** Facts of the population. */
  count: number
  /** … that are not excluded. */
  counted: number
  countAbove: number
  countBelow: number
  /** Most groups have none. */
  exclusions: Map<string, number> | undefined
}

/**
 * One outcome for each combination of the first `width` dimensions, in order of their texts; for none, one of everything.
 * A mean is taken over the dimension after these.
 */
export function evaluate(plan: Plan, formula: Formula, cells: Cells, width: number): EvaluatedCell[] {
  const isMean = formula.aggregation === 'mean'
  const byCell = new Map<number | string, { values: string[]; inside: Sides[] }>()
  const keyOf = keysOf(cells, width)
  for (const { row, sides } of sidesOf(plan, formula, cells, isMean ? width + 1 : width)) {
    const key = keyOf(row)
    const found = byCell.get(key)
    if (found) found.inside.push(sides)
    else byCell.set(key, { values: textsOf(cells, row, width), inside: [sides] })
  }
  if (byCell.size === 0 && width === 0) byCell.set('', { values: [], inside: [] })
  return [...byCell.values()]
    .map(({ values, inside }) => ({ values, inside, name: values.join(separator) }))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ values, inside }) => ({ values, outcome: outcomeOf(plan, formula, inside, isMean ? inside : null) }))
}

const separator = '\u001f'

function verdictOf(plan: Plan, formula: Formula, bits: number): Verdict {
  const has = (atom: number): boolean => atom < 0 || (bits & (1 << atom)) !== 0
  const missing = (measure: number): boolean => (bits & (1 << (plan.atoms.length + measure))) !== 0
  const below = formula.denominator.all.every(has)
  const above = formula.numerator.all.every(has) || formula.numerator.any.some(has)
  const part = below && !above ? formula.credit.find(({ atom }) => has(atom)) : undefined
  let reason = formula.exclude.find(({ atom }) => has(atom))?.reason
  if (reason === undefined && below && missing(formula.denominator.measure)) reason = 'missing-value'
  if (reason === undefined && (above || part) && missing(formula.numerator.measure)) reason = 'missing-value'
  const within = (has(formula.population) || formula.allow.some(has)) && formula.require.every(has)
  return { within, reason, below, above, part: part?.value }
}

/** Sums by the first `width` dimensions. */
function sidesOf(plan: Plan, formula: Formula, cells: Cells, width: number): { row: number; sides: Sides }[] {
  const verdicts = new Map<number, Verdict>()
  const groups = new Map<number | string, Totals>()
  const [up, down] = [formula.numerator.measure, formula.denominator.measure]
  const keyOf = keysOf(cells, width)
  let last: Totals | undefined
  for (let row = 0; row < cells.size; row++) {
    const count = cells.counts[row]!
    if (count === 0) continue
    const bits = cells.bits(row)
    let verdict = verdicts.get(bits)
    if (!verdict) {
      verdict = verdictOf(plan, formula, bits)
      verdicts.set(bits, verdict)
    }
    const key = keyOf(row)
    if (last?.key !== key) {
      last = groups.get(key)
      if (!last) {
        last = new Totals(key, row)
        groups.set(key, last)
      }
    }
    // A group of which nothing counts is there all the same, without a figure.
    if (!verdict.within) continue
    last.count += count
    if (verdict.reason !== undefined) {
      last.exclude(verdict.reason, count)
      continue
    }
    last.counted += count
    if (verdict.below) {
      last.countBelow += count
      last.below.add(cells, row, down)
    }
    if (verdict.above || verdict.part) {
      last.countAbove += count
      if (verdict.above) last.above.add(cells, row, up)
      else last.partOf(verdict.part!).add(cells, row, up)
    }
  }
  return Array.from(groups.values(), (totals) => ({
    row: totals.row,
    sides: totals.sides(cells.scales[up]!, cells.scales[down]!),
  }))
}

function textsOf(cells: Cells, row: number, width: number): string[] {
  return Array.from({ length: width }, (_, i) => cells.names[i]!.texts[cells.code(row, i)]!)
}

/** One number for the codes of a row while a double holds it, else a text. */
function keysOf(cells: Cells, width: number): (row: number) => number | string {
  if (width === 0) return () => 0
  if (width === 1) return (row) => cells.code(row, 0)
  const sizes = cells.names.slice(0, width).map(({ texts }) => texts.length)
  if (sizes.reduce((product, size) => product * size, 1) <= Number.MAX_SAFE_INTEGER)
    return (row) => {
      let key = 0
      for (let i = 0; i < width; i++) key = key * sizes[i]! + cells.code(row, i)
      return key
    }
  return (row) => {
    let key = ''
    for (let i = 0; i < width; i++) key += `${cells.code(row, i)},`
    return key
  }
}

/** A sum of whole parts, exact at any size. */
class Sum {
  #parts = 0
  #over = 0n
  #wide: Rational[] | undefined

  add(cells: Cells, row: number, measure: number): void {
    const parts = measure === 0 ? cells.counts[row]! : cells.parts(row, measure)
    const total = this.#parts + parts
    if (Number.isSafeInteger(total)) this.#parts = total
    else {
      this.#over += BigInt(this.#parts)
      this.#parts = parts
    }
    if (measure > 0 && cells.wide.size > 0) {
      const wide = cells.wide.get(row * cells.measures + measure)
      if (!wide) return
      this.#wide ??= []
      this.#wide.push(wide)
    }
  }

  total(scale: number): Amount {
    if (this.#over === 0n && !this.#wide) return { n: this.#parts, d: this.#parts === 0 ? 1 : scale }
    return sum([rational(this.#over + BigInt(this.#parts), scale), ...(this.#wide ?? [])])
  }
}

class Totals {
  count = 0
  counted = 0
  countAbove = 0
  countBelow = 0
  readonly above = new Sum()
  readonly below = new Sum()
  exclusions: Map<string, number> | undefined
  #parts: Map<Rational, Sum> | undefined
  readonly key: number | string
  /** Any row of the group: it has the group's values. */
  readonly row: number

  constructor(key: number | string, row: number) {
    this.key = key
    this.row = row
  }

  exclude(reason: string, count: number): void {
    this.exclusions ??= new Map()
    this.exclusions.set(reason, (this.exclusions.get(reason) ?? 0) + count)
  }

  partOf(share: Rational): Sum {
    this.#parts ??= new Map()
    let found = this.#parts.get(share)
    if (!found) {
      found = new Sum()
      this.#parts.set(share, found)
    }
    return found
  }

  sides(scaleUp: number, scaleDown: number): Sides {
    const { count, counted, countAbove, countBelow, exclusions } = this
    let above = this.above.total(scaleUp)
    for (const [share, part] of this.#parts ?? [])
      above = add(exactly(above), multiply(exactly(part.total(scaleUp)), share))
    return { above, below: this.below.total(scaleDown), count, counted, countAbove, countBelow, exclusions }
  }
}

function outcomeOf(plan: Plan, { aggregation }: Formula, parts: Sides[], groups: Sides[] | null): Outcome {
  const all = joined(parts)
  const exclusions = Object.fromEntries([...all.exclusions].sort(([a], [b]) => (a < b ? -1 : 1)))
  const base = { count: all.count, exclusions, groups: null as Outcome['groups'] }
  const none = (state: 'missing' | 'not-applicable' | 'suppressed'): Outcome => ({
    ...base,
    ...{ state, ratio: null, numerator: null, denominator: null },
  })
  const withGroups = groups?.filter(({ counted }) => counted > 0) ?? []
  const counted = withGroups.filter(({ below }) => Number(below.n) !== 0)
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
    ratio = divide(sumOfRatios(counted), rational(counted.length))
  } else ratio = aggregation === 'total' ? all.above : add(all.above, { n: -all.below.n, d: all.below.d })
  return {
    ...base,
    state: ratio.n === 0n ? 'zero' : 'value',
    ratio,
    numerator: plainText(all.above),
    denominator: aggregation === 'total' ? '1' : plainText(all.below),
  }
}

function exactly({ n, d }: Amount): Rational {
  return typeof n === 'bigint' ? { n, d: BigInt(d) } : rational(n, d)
}

function totalOf(parts: readonly Sides[], side: 'above' | 'below'): Rational {
  const byDenominator = new Map<number, number>()
  const others: Rational[] = []
  for (const part of parts) {
    const { n, d } = part[side]
    const total = typeof n === 'number' && typeof d === 'number' ? (byDenominator.get(d) ?? 0) + n : Number.NaN
    if (Number.isSafeInteger(total)) byDenominator.set(d as number, total)
    else others.push(exactly(part[side]))
  }
  return sum([...others, ...[...byDenominator].map(([d, n]) => rational(n, d))])
}

function joined(parts: readonly Sides[]): Sides<Rational> & { exclusions: Map<string, number> } {
  const all = {
    above: totalOf(parts, 'above'),
    below: totalOf(parts, 'below'),
    ...{ count: 0, counted: 0, countAbove: 0, countBelow: 0, exclusions: new Map<string, number>() },
  }
  for (const { count, counted, countAbove, countBelow, exclusions } of parts) {
    all.count += count
    all.counted += counted
    all.countAbove += countAbove
    all.countBelow += countBelow
    if (exclusions)
      for (const [reason, n] of exclusions) all.exclusions.set(reason, (all.exclusions.get(reason) ?? 0) + n)
  }
  return all
}

/** Of hundreds of thousands of small ratios: reduced as plain numbers, added by denominator, and only then exactly. */
function sumOfRatios(parts: readonly Sides[]): Rational {
  const byDenominator = new Map<number, number>()
  const others: Rational[] = []
  for (const { above, below } of parts) {
    const [n, d] = [Number(above.n) * Number(below.d), Number(above.d) * Number(below.n)]
    if (!Number.isSafeInteger(n) || !Number.isSafeInteger(d)) {
      others.push(divide(exactly(above), exactly(below)))
      continue
    }
    const by = common(n, d) * Math.sign(d)
    const total = (byDenominator.get(d / by) ?? 0) + n / by
    if (Number.isSafeInteger(total)) byDenominator.set(d / by, total)
    else others.push(rational(n / by, d / by))
  }
  return sum([...others, ...[...byDenominator].map(([d, n]) => rational(n, d))])
}
