// The way of a figure to its target: what it was month by month, the line of the plan from the first month to the day it is
// due, where the trend leads with what it varies by, and the pace that is needed from here.

export interface BurnPoint {
  /** `2026-10` */
  month: string
  value: number | null
}

export interface Forecast {
  month: string
  value: number
  /** Ends of the interval that holds eight of ten. */
  low: number
  high: number
}

export interface BurnUp {
  points: BurnPoint[]
  forecast: Forecast[]
  /** Change per month: of the trend; null with too few months. */
  pace: number | null
  /** Change per month from the last figure to the target on its day; null without a day, after it, or once it is reached. */
  required: number | null
  /** The month in which the trend is at the target, if it is within sight. */
  reaches: string | null
  /** The plan: from the first figure straight to the target on its day; null when that day was before the first figure. */
  plan: { month: string; value: number }[] | null
  /** Figures of the last twelve months, and how many a trend needs. */
  trendOf: { months: number; needed: number }
}

export interface BurnTarget {
  value: number
  direction: 'up' | 'down'
  /** The day by which it is to be reached, as `2026-12-31`. */
  due: string | null
}

/** What is older says little of what comes next. */
const trendMonths = 12
const trendMonthsMin = 6
const aheadMonths = 6
const aheadMonthsMax = 24

/** @param points whole months in order, without holes; the running one is left out. `bounded`: a share of 0 to 1 */
export function burnUp(points: readonly BurnPoint[], target: BurnTarget | null, bounded: boolean): BurnUp {
  const last = points.findLast(({ value }) => value !== null)
  const line = trendOf(points)
  const first = points.find(({ value }) => value !== null)
  const none = {
    ...{ points: [...points], forecast: [], pace: line?.slope ?? null, required: null, reaches: null },
    plan: first && target?.due ? planOf(first.month, first.value!, target.value, target.due.slice(0, 7)) : null,
    trendOf: { months: knownOf(points).length, needed: trendMonthsMin },
  }
  if (!last) return none
  const isReached = target !== null && reaches(last.value!, target)
  const monthsLeft = target?.due ? monthsBetween(last.month, target.due.slice(0, 7)) : 0
  const required = target && !isReached && monthsLeft > 0 ? (target.value - last.value!) / monthsLeft : null
  if (!line) return { ...none, required }
  const clamp = (value: number): number => (bounded ? Math.min(1, Math.max(0, value)) : value)
  const ahead = Math.min(aheadMonthsMax, Math.max(aheadMonths, monthsLeft))
  const after = monthsBetween(line.lastMonth, last.month)
  const forecast = Array.from({ length: ahead }, (_, i): Forecast => {
    const x = line.lastX + after + i + 1
    const value = line.at(x)
    const half = line.halfWidth(x)
    return {
      month: monthAfter(last.month, i + 1),
      ...{ value: clamp(value), low: clamp(value - half), high: clamp(value + half) },
    }
  })
  const found = target && !isReached ? forecast.find(({ value }) => reaches(value, target)) : undefined
  return { ...none, forecast, required, reaches: found?.month ?? null }
}

/** Both ends; between them it is straight. */
function planOf(from: string, value: number, target: number, due: string): BurnUp['plan'] {
  if (monthsBetween(from, due) <= 0) return null
  return [
    { month: from, value },
    { month: due, value: target },
  ]
}

function reaches(value: number, { value: target, direction }: BurnTarget): boolean {
  return direction === 'up' ? value >= target : value <= target
}

interface Trend {
  slope: number
  lastX: number
  lastMonth: string
  at(x: number): number
  halfWidth(x: number): number
}

/** A straight line by least squares, and the half-width of its interval of prediction at 80 %. */
function trendOf(points: readonly BurnPoint[]): Trend | undefined {
  const recent = points.slice(-trendMonths)
  const known = knownOf(points)
  const n = known.length
  if (n < trendMonthsMin) return undefined
  const meanX = known.reduce((sum, { x }) => sum + x, 0) / n
  const meanY = known.reduce((sum, { y }) => sum + y, 0) / n
  const spread = known.reduce((sum, { x }) => sum + (x - meanX) ** 2, 0)
  const slope = known.reduce((sum, { x, y }) => sum + (x - meanX) * (y - meanY), 0) / spread
  const at = (x: number): number => meanY + slope * (x - meanX)
  const variance = known.reduce((sum, { x, y }) => sum + (y - at(x)) ** 2, 0) / (n - 2)
  const t = studentQuantile(n - 2)
  return {
    ...{ slope, at, lastX: recent.length - 1, lastMonth: recent.at(-1)!.month },
    halfWidth: (x) => t * Math.sqrt(variance * (1 + 1 / n + (x - meanX) ** 2 / spread)),
  }
}

function knownOf(points: readonly BurnPoint[]): { x: number; y: number }[] {
  return points.slice(-trendMonths).flatMap(({ value }, x) => (value === null ? [] : [{ x, y: value }]))
}

/** Student's quantile at 90 % (two sides: 80 %), after Cornish and Fisher; exact to 0.01 from four degrees of freedom on. */
function studentQuantile(freedom: number): number {
  const z = 1.281552
  return z + (z ** 3 + z) / (4 * freedom) + (5 * z ** 5 + 16 * z ** 3 + 3 * z) / (96 * freedom ** 2)
}

export function monthsBetween(from: string, to: string): number {
  return ordinal(to) - ordinal(from)
}

export function monthAfter(month: string, months: number): string {
  const at = ordinal(month) + months
  return `${Math.floor(at / 12)}-${String((at % 12) + 1).padStart(2, '0')}`
}

function ordinal(month: string): number {
  return Number(month.slice(0, 4)) * 12 + Number(month.slice(5, 7)) - 1
}
