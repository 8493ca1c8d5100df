// Three who judge the same unit: its own report (监督考核), citizens who rate it (公众评价), visitors who tried it (第三方
// 评估); beside them what machines of others saw of its cases. They measure different things, so their levels are not
// compared but where they put the unit among its peers; only visits that tried this very indicator contradict it directly.
import { intervalOf } from '../board/ranking.ts'
import type { KpiValue } from '../contract.ts'
import { estimateFromVisits } from '../integrity/mystery-shopping.ts'
import { median, wilson } from '../integrity/statistics.ts'
import { fromText, toNumber } from '../rational.ts'
import type { Visit } from './visits.ts'

export interface Source {
  share: number
  /** Ends of the interval at 95 %; null where the figure is no share of counted things. */
  low: number | null
  high: number | null
  /** Cases, ratings or visits. */
  count: number
}

export const otherSources = ['telemetry', 'citizens', 'visits'] as const
export type OtherSource = (typeof otherSources)[number]

export interface ThreeSources {
  dimensions: Record<string, string>
  reported: Source | null
  telemetry: Source | null
  citizens: Source | null
  visits: Source | null
  /** Who says otherwise than the report. */
  disagree: OtherSource[]
}

export interface SourcesInput {
  /** The indicator, one value per unit. */
  reported: readonly KpiValue[]
  citizens: readonly KpiValue[]
  /** Of the period alone. A unit's visits that tried the indicator count; where none did, those of the service as a whole. */
  visits: readonly Visit[]
  kpi: string
  by: 'city' | 'department'
  direction: 'up' | 'down'
  telemetryOf(value: KpiValue): { corroborable: number; corroborated: number }
  /** How many cases a department has, by which its visits weigh in its city. */
  casesOf(department: string): number
}

/** With fewer units there is no middle to be above or below of. */
const peersMin = 5

export function threeSources(input: SourcesInput): ThreeSources[] {
  const { reported, citizens, visits, kpi, by, direction, telemetryOf, casesOf } = input
  const unitOf = ({ dimensions }: KpiValue): string => dimensions[by] ?? ''
  const ratings = new Map(citizens.map((value) => [unitOf(value), value]))
  const byUnit = Map.groupBy(visits, (one) => (by === 'city' ? one.region.slice(0, 4) : one.department))
  const direct = new Set<ThreeSources>()
  const rows = reported.map((value): ThreeSources => {
    const { corroborable, corroborated } = telemetryOf(value)
    const all = byUnit.get(unitOf(value)) ?? []
    const tried = all.filter((one) => one.kpi === kpi)
    const found = tried.length > 0 ? tried : all.filter((one) => one.kpi === '')
    const row: ThreeSources = {
      dimensions: value.dimensions,
      reported: sourceOf(value),
      telemetry: corroborable > 0 ? shareOf(corroborated, corroborable) : null,
      citizens: sourceOf(ratings.get(unitOf(value))),
      visits: found.length > 0 ? visited(found, casesOf) : null,
      disagree: [],
    }
    if (tried.length > 0) direct.add(row)
    return row
  })
  const middle = (of: (row: ThreeSources) => Source | null): number | undefined => {
    const shares = rows.flatMap((row) => of(row)?.share ?? [])
    return shares.length >= peersMin ? median(shares) : undefined
  }
  const ownMiddle = middle((row) => row.reported)
  const middles = new Map(otherSources.map((name) => [name, middle((row) => row[name])]))
  for (const row of rows)
    for (const name of otherSources) {
      const other = row[name]
      if (!row.reported || !other) continue
      const isAhead = beyond(row.reported, ownMiddle, direction === 'up')
      const isBehind = beyond(other, middles.get(name), false)
      const isDirect = name === 'visits' && direct.has(row) && contradicts(row.reported, other, direction)
      if ((isAhead && isBehind) || isDirect) row.disagree.push(name)
    }
  return rows
}

/** The whole of its interval lies on one side of the middle. */
function beyond({ share, low, high }: Source, of: number | undefined, above: boolean): boolean {
  if (of === undefined) return false
  return above ? (low ?? share) > of : (high ?? share) < of
}

/** It reports better than visitors found, and chance does not explain it. */
function contradicts(reported: Source, found: Source, direction: 'up' | 'down'): boolean {
  // Visitors say in how many cases it was as it should be; an indicator that should be low counts the others.
  const own = direction === 'up' ? (reported.low ?? reported.share) : 1 - (reported.high ?? reported.share)
  return own > (found.high ?? found.share)
}

function sourceOf(value: KpiValue | undefined): Source | null {
  if (!value?.ratio) return null
  const interval = intervalOf(value)
  return {
    ...{ share: toNumber(fromText(value.ratio)), low: interval?.[0] ?? null, high: interval?.[1] ?? null },
    count: Number.isSafeInteger(Number(value.denominator)) ? Number(value.denominator) : value.count,
  }
}

function shareOf(hits: number, trials: number): Source {
  return { share: hits / trials, ...wilson(hits, trials), count: trials }
}

/** Departments are the strata of a place, by their cases: one that was visited often does not speak for the others. */
function visited(visits: readonly Visit[], casesOf: (department: string) => number): Source {
  const strata = [...Map.groupBy(visits, ({ department }) => department)].map(([name, own]) => ({
    ...{ name, visits: own.length, asReported: own.filter(({ asReported }) => asReported).length },
    population: Math.max(own.length, casesOf(name)),
  }))
  const [only] = strata
  if (strata.length === 1) return shareOf(only!.asReported, only!.visits)
  const { share, low, high } = estimateFromVisits(strata, undefined, false)
  return { share, low, high, count: visits.length }
}
