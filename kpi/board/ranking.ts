// Who is ahead, and who only seems to be: Wilson intervals at 95 %, and units whose intervals overlap the first of a group
// share its rank.
import type { KpiValue } from '../contract.ts'
import { compare, fromText, toNumber } from '../rational.ts'

export interface Ranked {
  value: KpiValue
  /** The same for units that cannot be told apart; null without a figure. */
  rank: number | null
  tied: boolean
  /** Ends of the interval, where the value is a share of counted cases. */
  low: number | null
  high: number | null
}

/** How far a unit came since another period. */
export interface Improvement {
  /** Positive is better, whichever way the indicator points. */
  change: number
  /** Of the change, at 95 % (Newcombe's, from the two intervals); null where a side is no share. */
  low: number | null
  high: number | null
  rank: number
  tied: boolean
}

const z = 1.959964

/** Units by what they gained, the largest first; those whose intervals overlap the first of a group share its rank. */
export function rankImprovements(
  now: readonly KpiValue[],
  before: readonly KpiValue[],
  direction: 'up' | 'down',
): Map<KpiValue, Improvement> {
  const older = new Map(before.map((value) => [nameOf(value), value]))
  const gained = now.flatMap((value): [KpiValue, Improvement][] => {
    const old = older.get(nameOf(value))
    const gain = old && gainOf(value, old, direction)
    return gain ? [[value, { ...gain, rank: 0, tied: false }]] : []
  })
  gained.sort(([a, x], [b, y]) => y.change - x.change || (nameOf(a) < nameOf(b) ? -1 : 1))
  let first: Improvement | undefined
  gained.forEach(([, one], i) => {
    const isTied =
      first !== undefined &&
      (first.low === null || one.high === null ? first.change === one.change : one.high >= first.low)
    one.rank = isTied ? first!.rank : i + 1
    if (isTied) {
      one.tied = true
      first!.tied = true
    } else first = one
  })
  return new Map(gained)
}

/** What a figure did since another, by itself: better or worse when that can be told from chance, else the same. */
export function changeSince(now: KpiValue, before: KpiValue, direction: 'up' | 'down'): Change | undefined {
  const gained = gainOf(now, before, direction)
  if (!gained) return undefined
  const { change, low, high } = gained
  const [least, most] = [low ?? change, high ?? change]
  return { by: direction === 'up' ? change : -change, means: least > 0 ? 'better' : most < 0 ? 'worse' : 'same' }
}

export interface Change {
  /** As it is written: positive is more, better or not. */
  by: number
  means: 'better' | 'worse' | 'same'
}

function gainOf(
  value: KpiValue,
  old: KpiValue,
  direction: 'up' | 'down',
): Pick<Improvement, 'change' | 'low' | 'high'> | undefined {
  if (!value.ratio || !old.ratio) return undefined
  const sign = direction === 'up' ? 1 : -1
  const [p, q] = [toNumber(fromText(value.ratio)), toNumber(fromText(old.ratio))]
  const change = sign * (p - q)
  const [own, theirs] = [intervalOf(value), intervalOf(old)]
  if (!own || !theirs) return { change, low: null, high: null }
  const down = Math.hypot(p - own[0], theirs[1] - q)
  const up = Math.hypot(own[1] - p, q - theirs[0])
  const [less, more] = sign > 0 ? [down, up] : [up, down]
  return { change, low: change - less, high: change + more }
}

export function rankValues(values: readonly KpiValue[], direction: 'up' | 'down'): Ranked[] {
  const withFigure = values.filter(({ ratio }) => ratio !== null)
  const sorted = [...withFigure].sort((a, b) => {
    const order = compare(fromText(b.ratio!), fromText(a.ratio!))
    return (direction === 'up' ? order : -order) || (nameOf(a) < nameOf(b) ? -1 : 1)
  })
  const ranked: Ranked[] = []
  let first: Ranked | undefined
  sorted.forEach((value, i) => {
    const interval = intervalOf(value)
    const one: Ranked = { value, rank: i + 1, tied: false, low: interval?.[0] ?? null, high: interval?.[1] ?? null }
    if (first && sameAs(first, one, direction)) {
      one.rank = first.rank
      one.tied = true
      first.tied = true
    } else first = one
    ranked.push(one)
  })
  const without = values.filter(({ ratio }) => ratio === null)
  return [...ranked, ...without.map((value) => ({ value, rank: null, tied: false, low: null, high: null }))]
}

function sameAs(first: Ranked, one: Ranked, direction: 'up' | 'down'): boolean {
  if (first.low === null || one.low === null)
    return compare(fromText(first.value.ratio!), fromText(one.value.ratio!)) === 0
  return direction === 'up' ? one.high! >= first.low : one.low <= first.high!
}

/** Wilson's score interval; undefined where the value is no share of what was counted: a sum of costs varies otherwise. */
export function intervalOf({ numerator, denominator, groups, count }: KpiValue): [number, number] | undefined {
  const k = Number(numerator)
  const n = Number(denominator)
  if (groups || !Number.isFinite(k) || !Number.isFinite(n) || n <= 0 || n > count || k < 0 || k > n) return undefined
  const p = k / n
  const middle = (p + (z * z) / (2 * n)) / (1 + (z * z) / n)
  const half = (z / (1 + (z * z) / n)) * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n))
  return [Math.max(0, middle - half), Math.min(1, middle + half)]
}

function nameOf({ dimensions }: KpiValue): string {
  return Object.values(dimensions).join('/')
}
