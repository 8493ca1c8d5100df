// Visits to the departments of the synthetic province: honest ones are found nearly as they report, those that embellish are
// not. Each says that it is synthetic.
import type { Random } from '#core/random.ts'
import type { ObservedCase } from '../integrity/observed-case.ts'
import type { Visit } from '../visits/visits.ts'

const visitsEach = 14
/** Of the honest, every so-manieth is visited; of the others all. */
const visitedEvery = 3
const asReportedHonest = 0.94
const asReportedTreated = 0.55
const msPerDay = 86_400_000
const daysBack = 240

/** @param kpi the indicator whose statement the visitors try */
export function demoVisits(cases: readonly ObservedCase[], kpi: string, random: Random, nowMs: number): Visit[] {
  const units = new Map<string, { region: string; isTreated: boolean }>()
  for (const { record } of cases) {
    const unit = units.get(record.department)
    const isTreated = record.extra['fabricated'] !== undefined
    if (unit) unit.isTreated ||= isTreated
    else units.set(record.department, { region: record.region, isTreated })
  }
  return [...units]
    .filter(([, { isTreated }], i) => isTreated || i % visitedEvery === 0)
    .flatMap(([department, { region, isTreated }]) =>
      Array.from({ length: visitsEach }, (_, n): Visit => {
        const asReported = random.next() < (isTreated ? asReportedTreated : asReportedHonest)
        return {
          ...{
            visit: `V-${department}-${n + 1}`,
            atMs: nowMs - Math.floor(random.next() * daysBack) * msPerDay,
            region,
          },
          ...{ department, item: '', kpi, asReported, visitor: '第三方评估机构（合成示例）' },
          note: asReported ? '合成示例' : '合成示例：实际办结晚于上报',
        }
      }),
    )
}
