// The cases of the synthetic province: honest departments of the tuning family, and a few that embellish their figures, so that
// the checks have something to ask. Every record says that it is synthetic, and treated ones say how.
import type { Random } from '#core/random.ts'
import { type Draws, draws } from '#core/random-draws.ts'
import type { ObservedCase } from '../integrity/observed-case.ts'
import type { Calendar } from '../time/calendar.ts'
import { type FabricationWay, fabricate } from './fabrications.ts'
import { tuningFamily } from './family.ts'
import { type DemoUnit, drawUnit, honestYear } from './honest-unit.ts'

export interface ProvinceItem {
  code: string
  department: string
  region: string
  category: string
  promised: number
  /** How good its city is, 0 to 1. */
  skill: number
}

const msPerDay = 86_400_000
const daysBack = 400
const treatedWays: readonly FabricationWay[] = [
  'back-dating',
  'window-as-online',
  'ghost-cases',
  'clock-stops',
  'duplicates',
  'batch-closing',
  'denominator',
]
const treatedShare = 0.15

export function demoCases(
  items: readonly ProvinceItem[],
  count: number,
  calendar: Calendar,
  random: Random,
  nowMs: number,
): ObservedCase[] {
  const draw = draws(random)
  const span = { fromMs: nowMs - daysBack * msPerDay, toMs: nowMs }
  const units = unitsOf(items, count, draw)
  // Of the larger ones: a handful of cases proves nothing to anybody.
  const bySize = [...units].sort((a, b) => b.size - a.size)
  const treated = new Map(
    treatedWays.map((way, i) => [bySize[Math.floor(((i + 0.5) * bySize.length) / 4 / treatedWays.length)]!.id, way]),
  )
  const all = units.flatMap((unit) => {
    const year = honestYear(unit, span, calendar, draw)
    const way = treated.get(unit.id)
    if (!way) return year.cases
    const made = fabricate(year, way, treatedShare, draw)
    const ids = new Set(made.treated)
    return made.year.cases.map((one) =>
      ids.has(one.record.id)
        ? { ...one, record: { ...one.record, extra: { ...one.record.extra, fabricated: way } } }
        : one,
    )
  })
  return all.filter(({ record }) => (record.openedMs ?? 0) < nowMs).sort((a, b) => a.knownMs - b.knownMs)
}

function unitsOf(items: readonly ProvinceItem[], count: number, draw: Draws): DemoUnit[] {
  const byDepartment = new Map<string, ProvinceItem[]>()
  for (const item of items) byDepartment.set(item.department, [...(byDepartment.get(item.department) ?? []), item])
  const weights = [...byDepartment].map(() => draw.logNormal(1, 0.7))
  const total = weights.reduce((sum, one) => sum + one, 0)
  return [...byDepartment].map(([department, own], i) => {
    const [first] = own
    const unit = drawUnit(department, first!.region, tuningFamily, draw)
    unit.size = Math.max(1, Math.round((count * weights[i]!) / total))
    unit.handlers = Math.max(2, Math.round(unit.size / 150))
    unit.items = own.map(({ code, category, region, promised }) => ({
      ...{ code, category, region, allowed: Math.max(1, promised), isBatch: false },
      certificate: `cert-${department}`,
    }))
    unit.weights = own.map(() => draw.gamma(1.5))
    unit.habits.online = Math.min(0.97, first!.skill * (0.85 + draw.next() * 0.3))
    unit.habits.pace = 0.75 - 0.4 * first!.skill
    return unit
  })
}
