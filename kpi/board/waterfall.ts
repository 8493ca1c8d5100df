// Why a figure moved, in parts that add up exactly: better work in the same groups (rate), another weight of the groups
// (mix), groups that came or went (denominator), another choice of switches (definition), other data for the same time
// (restatement).
import type { KpiValue } from '../contract.ts'
import {
  add,
  divide,
  fromText,
  multiply,
  type Rational,
  rational,
  reduce,
  subtract,
  sum,
  textOf,
  zero,
} from '../rational.ts'

export interface Step {
  kind: 'rate' | 'mix' | 'denominator' | 'definition' | 'restatement'
  change: { numerator: string; denominator: string }
  /** The groups that moved it most. */
  groups: { name: string; change: number }[]
}

export interface Side {
  whole: KpiValue
  /** One per group; ratio of sums. */
  groups: readonly KpiValue[]
}

const groupsShown = 10

/** `before` and `after` under the same switches and knowledge, so that only the world differs. */
export function decompose(before: Side, after: Side): Step[] {
  const total = (side: Side): Rational => sum(side.groups.map((one) => parsed(one.denominator)))
  const [belowBefore, belowAfter] = [total(before), total(after)]
  if (belowBefore.n === 0n || belowAfter.n === 0n) return []
  const older = byName(before.groups)
  const newer = byName(after.groups)
  const parts = {
    rate: new Map<string, Rational>(),
    mix: new Map<string, Rational>(),
    denominator: new Map<string, Rational>(),
  }
  for (const name of new Set([...older.keys(), ...newer.keys()])) {
    const [a, b] = [older.get(name), newer.get(name)]
    const shareBefore = a ? divide(parsed(a.denominator), belowBefore) : zero
    const shareAfter = b ? divide(parsed(b.denominator), belowAfter) : zero
    const rateBefore = a?.ratio ? fromText(a.ratio) : undefined
    const rateAfter = b?.ratio ? fromText(b.ratio) : undefined
    if (rateBefore && rateAfter) {
      parts.rate.set(name, multiply(shareAfter, subtract(rateAfter, rateBefore)))
      parts.mix.set(name, multiply(subtract(shareAfter, shareBefore), rateBefore))
    } else if (rateBefore) parts.denominator.set(name, subtract(zero, multiply(shareBefore, rateBefore)))
    else if (rateAfter) parts.denominator.set(name, multiply(shareAfter, rateAfter))
  }
  return (['rate', 'mix', 'denominator'] as const).map((kind) => stepOf(kind, parts[kind]))
}

/** A step for what changed between two values of the same cell. */
export function difference(kind: 'definition' | 'restatement', before: KpiValue, after: KpiValue): Step {
  const change = before.ratio && after.ratio ? subtract(fromText(after.ratio), fromText(before.ratio)) : zero
  return stepOf(kind, new Map([['', change]]))
}

function stepOf(kind: Step['kind'], changes: ReadonlyMap<string, Rational>): Step {
  const groups = [...changes]
    .filter(([name]) => name !== '')
    .map(([name, { n, d }]) => ({ name, change: Number((n * 1_000_000_000n) / d) / 1e9 }))
    .filter(({ change }) => change !== 0)
    .sort((a, b) => Math.abs(b.change) - Math.abs(a.change))
  return { kind, change: textOf(sum(changes.values())), groups: groups.slice(0, groupsShown) }
}

function byName(values: readonly KpiValue[]): Map<string, KpiValue> {
  return new Map(
    values
      .filter(({ denominator }) => denominator !== null && denominator !== '0')
      .map((one) => [Object.values(one.dimensions).join('/'), one]),
  )
}

/** `25/2` or `12`. */
function parsed(text: string | null): Rational {
  const [n = '0', d = '1'] = (text ?? '0').split('/')
  return reduce(add(zero, rational(BigInt(n), BigInt(d))))
}
