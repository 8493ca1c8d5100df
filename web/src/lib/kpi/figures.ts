// Exact ratios as people read them.
import { percent } from '../format.ts'
import type { KpiValue, ShortValue } from '../types.ts'

export function numberOf(ratio: { numerator: string; denominator: string } | null | undefined): number | null {
  if (!ratio) return null
  const [numerator, denominator] = [BigInt(ratio.numerator), BigInt(ratio.denominator)]
  if (denominator === 0n) return null
  // Scaled in whole numbers first: both may be longer than a double is exact.
  return Number((numerator * 1_000_000_000n) / denominator) / 1e9
}

export function figure(value: Pick<KpiValue | ShortValue, 'ratio'> | null, unit: string): string {
  const number = numberOf(value?.ratio)
  if (number === null) return '–'
  return unit === 'ratio' ? percent(number) : number.toLocaleString('en-US', { maximumFractionDigits: 2 })
}

/** Change in percentage points. */
export function points(now: number | null, before: number | null): number | null {
  return now === null || before === null ? null : (now - before) * 100
}

export type Status = KpiValue['target']['status']

export const markOf = {
  met: 'good',
  near: 'medium',
  missed: 'critical',
  'no-target': 'muted',
  exempt: 'muted',
  unknown: 'unknown',
} as const satisfies Record<Status, string>
