// Exact ratios as people read them.
import { exact, percent } from '../format.ts'
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

/** A change: of a share in percentage points, of anything else in its own unit. */
export function signedFigure(by: number, unit: string): string {
  const text = unit === 'ratio' ? Math.abs(by * 100).toFixed(1) : exact(Number(Math.abs(by).toFixed(2)))
  return Number(text) === 0 ? text : `${by > 0 ? '+' : '−'}${text}`
}

/** Received of what was expected, in percent; what is more than expected is all of it. */
export function coverageOf({ received, expected }: { received: number; expected: number }): string {
  return expected > 0 ? percent(Math.min(1, received / expected)) : '–'
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
