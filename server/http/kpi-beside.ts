// What stands beside a figure: how much of what it counts has come in, and whether somebody disputes it.

import type { KpiValue } from '#kpi/contract.ts'
import type { Coverage, UnitDimension } from '#kpi/coverage/coverage.ts'
import { unitDimensions } from '#kpi/coverage/coverage.ts'
import type { Cohort } from '#kpi/coverage/tally.ts'
import type { Definition } from '#kpi/definitions/definition.ts'
import type { Disputes } from '#kpi/questions/disputes.ts'

export interface Beside {
  coverage: Pick<Coverage, 'sums'>
  disputes: Disputes
}

/** @param only what the figures were cut to, by name; codes may stand for what is below them */
export function besideFigures(
  { coverage, disputes }: Beside,
  { fact, cohort }: Pick<Definition, 'fact' | 'cohort'>,
  values: readonly KpiValue[],
  only: Record<string, string>,
): KpiValue[] {
  const isUnit = (name: string): name is UnitDimension => (unitDimensions as readonly string[]).includes(name)
  const counted = fact === 'case' && Object.keys(only).every(isUnit)
  const kept = new Map<string, ReturnType<Coverage['sums']>>()
  const sumsOf = (by: UnitDimension[], period: string): ReturnType<Coverage['sums']> => {
    const key = `${period}\n${by.join()}`
    let sums = kept.get(key)
    if (!sums) {
      const of: Cohort = cohort === 'opened' || cohort === 'accepted' ? 'opened' : 'closed'
      sums = coverage.sums(by, only, period, of)
      kept.set(key, sums)
    }
    return sums
  }
  return values.map((value) => {
    const names = Object.keys(value.dimensions).filter((name) => name !== 'period')
    const period = value.dimensions['period'] ?? value.period.label
    const known = counted && names.every(isUnit)
    const by = names as UnitDimension[]
    const found = known ? sumsOf(by, period).get(by.map((name) => value.dimensions[name]).join('\n')) : undefined
    const disputed = (value.state === 'value' || value.state === 'zero') && disputes.has(value, only)
    return { ...value, coverage: found ?? null, ...(disputed ? { state: 'disputed' as const } : {}) }
  })
}
