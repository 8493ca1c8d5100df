// Departments whose reported share visitors contradict: check O of the integrity checks, over a year.
import type { Board } from '../board/board.ts'
import type { Raised } from '../integrity/flags.ts'
import { reportedAgainstVisits } from '../integrity/mystery-shopping.ts'
import { discoveryRate } from '../integrity/screen.ts'
import { qValues } from '../integrity/statistics.ts'
import { fromText, toNumber } from '../rational.ts'
import { parsePeriod } from '../time/period.ts'
import { zoneOf } from '../time/zone.ts'
import type { Visit, Visits } from './visits.ts'

/** Fewer visits say nothing of a department. */
const visitsMin = 5

export async function findContradicted(board: Board, visits: Visits, period: string): Promise<Raised[]> {
  const { fromMs, toMs } = parsePeriod(period, zoneOf('Asia/Shanghai'))
  const ofPeriod = visits.list().filter(({ atMs, kpi }) => kpi !== '' && atMs >= fromMs && atMs < toMs)
  const judged: { found: Raised | undefined; pValue: number }[] = []
  for (const [kpi, tried] of Map.groupBy(ofPeriod, (one) => one.kpi)) {
    const definition = board.plan(kpi)?.definition
    if (definition?.unit !== 'ratio' || !definition.dimensions.includes('department')) continue
    const label = definition.fact === 'case' ? period : 'all'
    const values = await board.values({ kpi, switches: {}, period: label, by: ['department'], only: {} })
    const byUnit = new Map(values.map((value) => [value.dimensions['department'] ?? '', value]))
    for (const [department, own] of Map.groupBy(tried, (one) => one.department)) {
      const value = byUnit.get(department)
      if (!value?.ratio || own.length < visitsMin) continue
      const share = toNumber(fromText(value.ratio))
      const reported = definition.direction === 'up' ? share : 1 - share
      const found = reportedAgainstVisits(department, reported, [stratumOf(department, own, value.count)])
      const more = {
        rule: `visits-${kpi}`,
        region: own[0]!.region.slice(0, 4),
        period,
        qValue: 1,
        level: 'question' as const,
      }
      judged.push({ found: found && { ...found, ...more }, pValue: found?.pValue ?? 1 })
    }
  }
  const q = qValues(judged.map(({ pValue }) => pValue))
  return judged.flatMap(({ found }, i) => (found && q[i]! <= discoveryRate ? [{ ...found, qValue: q[i]! }] : []))
}

function stratumOf(name: string, visits: readonly Visit[], cases: number) {
  const asReported = visits.filter((one) => one.asReported).length
  return { name, population: Math.max(cases, visits.length), visits: visits.length, asReported }
}
