// The checks at work: a run over a year, what it found and where everybody stood, and the grade that each figure has by it.
import { and, desc, eq } from 'drizzle-orm'
import { kpiFunnels, kpiIntegrityRuns, kpiUnitFacts } from '#stores/state/schema/kpi-integrity.ts'
import type { Database } from '#stores/state/state.ts'
import type { CaseStore, KpiValue } from '../contract.ts'
import type { Calendar } from '../time/calendar.ts'
import { parsePeriod } from '../time/period.ts'
import type { Zone } from '../time/zone.ts'
import { type Believability, createBelievability, type UnitMonth } from './believability.ts'
import type { Flag } from './finding.ts'
import { createFlagStore, type FlagStore, type Raised } from './flags.ts'
import type { GradeGiven, GradeRules } from './grade.ts'
import { type ForeignTrace, type SeenByOthers, scanCases } from './scan.ts'
import { discoveryRate, screenUnits } from './screen.ts'
import type { Outage, TraceRules } from './traces.ts'
import type { UnitFacts } from './unit-facts.ts'
import type { UnitSigns } from './unit-signs.ts'

export interface IntegrityRun {
  period: string
  startedMs: number
  endedMs: number
  cases: number
  units: number
  tests: number
  /** Questions that are open after it. */
  flags: number
  /** Units that are worth a look and are not asked. */
  spotChecks: number
  opened: number
  cleared: number
  discoveryRate: number
  outages: Outage[]
  traceRulesVersion: string
  gradeRulesVersion: string
}

export interface Funnel {
  rule: string
  spread: number
  points: { unit: string; count: number; seen: number; expected: number; pValue: number; qValue: number }[]
}

export interface IntegrityService {
  flags: FlagStore
  /** From the database: before the first question. */
  load(): Promise<void>
  /** @param period a year such as `2026` */
  run(period: string): Promise<IntegrityRun>
  lastRun(period?: string): Promise<IntegrityRun | undefined>
  funnel(period: string, rule: string): Promise<Funnel | undefined>
  /** Takes in what adjudications changed. */
  refresh(): Promise<void>
  /** undefined before the first run, or when there is nothing to grade. */
  grade(value: KpiValue, only: Record<string, string>, isOfCases: boolean): GradeGiven | undefined
  believability(): Believability
  /** When the last run ended; what was known before that is not graded by it. */
  ranAtMs(): number
  regionOf(unit: string): string
  unconnectedOf(unit: string): readonly string[]
}

export interface IntegrityDeps {
  database: Database
  cases: CaseStore
  calendar(): Calendar
  zone: Zone
  traces: TraceRules
  grades: GradeRules
  nowMs(): number
  /** Cases that others name, of a time. */
  foreign?(fromMs: number, toMs: number): Promise<readonly ForeignTrace[]>
  /** What other systems saw of cases, by their numbers. */
  seen?: SeenByOthers
  /** What visits of a period contradict (check O). */
  visited?(period: string): Promise<readonly Raised[]>
}

const flagsMax = 100_000
const rowsPerStatement = 1000

interface StoredUnit {
  months: Record<string, UnitFacts>
  unconnected: string[]
}

export function createIntegrity(deps: IntegrityDeps): IntegrityService {
  const { database, cases, calendar, zone, traces, grades, nowMs } = deps
  const flags = createFlagStore(database)
  let rows: UnitMonth[] = []
  let regions = new Map<string, string>()
  let unconnected = new Map<string, string[]>()
  let hasRun = false
  let ranAtMs = Number.POSITIVE_INFINITY
  let believability = createBelievability(grades, [], [])
  let running: Promise<unknown> = Promise.resolve()

  const load = async (): Promise<void> => {
    const stored = await database.select().from(kpiUnitFacts)
    rows = stored.flatMap(({ unit, region, body }) =>
      Object.entries((body as unknown as StoredUnit).months).map(([month, facts]) => ({ unit, region, month, facts })),
    )
    regions = new Map(stored.map(({ unit, region }) => [unit, region]))
    unconnected = new Map(stored.map(({ unit, body }) => [unit, (body as unknown as StoredUnit).unconnected]))
    hasRun = stored.length > 0
    const [last] = await database
      .select({ endedMs: kpiIntegrityRuns.endedMs })
      .from(kpiIntegrityRuns)
      .orderBy(desc(kpiIntegrityRuns.endedMs))
      .limit(1)
    ranAtMs = last?.endedMs ?? Number.POSITIVE_INFINITY
    await refresh()
  }
  const refresh = async (): Promise<void> => {
    const kept: Flag[] = await flags.list({}, flagsMax)
    believability = createBelievability(grades, rows, kept)
  }

  const run = async (period: string): Promise<IntegrityRun> => {
    const startedMs = nowMs()
    const { fromMs, toMs } = parsePeriod(period, zone)
    const foreign = await deps.foreign?.(fromMs, toMs)
    const {
      units,
      cases: count,
      outages,
    } = await scanCases(cases, { fromMs, toMs }, { zone, calendar: calendar(), traces }, foreign, deps.seen)
    const { tests, spreads } = screenUnits(units, { dependent: false })
    const region = new Map(units.map((one) => [one.unit, one.region]))
    const asked = new Set(tests.flatMap(({ unit, qValue }) => (qValue <= discoveryRate ? [unit] : [])))
    const screened = tests.flatMap(({ isSpotCheck, ground: _ground, attained: _attained, ...one }): Raised[] => {
      const kept = { ...one, region: region.get(one.unit) ?? '', period }
      if (one.qValue <= discoveryRate) return [{ ...kept, level: 'question' }]
      return isSpotCheck && !asked.has(one.unit) ? [{ ...kept, level: 'spot-check' }] : []
    })
    const raised = [...screened, ...((await deps.visited?.(period)) ?? [])]
    const questions = raised.filter(({ level }) => level === 'question').length
    const { opened, cleared } = await flags.record(period, raised, nowMs())
    await keepUnits(database, period, units)
    await keepFunnels(database, period, tests, spreads)
    const endedMs = nowMs()
    const made: IntegrityRun = {
      ...{ period, startedMs, endedMs, cases: count, units: units.length, tests: tests.length, flags: questions },
      spotChecks: raised.length - questions,
      ...{
        opened,
        cleared,
        discoveryRate,
        outages,
        traceRulesVersion: traces.version,
        gradeRulesVersion: grades.version,
      },
    }
    await database.insert(kpiIntegrityRuns).values({ period, startedMs, endedMs, body: { ...made } })
    await load()
    return made
  }

  return {
    flags,
    load,
    refresh,
    run: (period) => {
      // One at a time: two runs of a period would clear one another's flags.
      const next = running.then(
        () => run(period),
        () => run(period),
      )
      running = next.catch(() => {})
      return next
    },
    lastRun: async (period) => {
      const [row] = await database
        .select()
        .from(kpiIntegrityRuns)
        .where(period === undefined ? undefined : eq(kpiIntegrityRuns.period, period))
        .orderBy(desc(kpiIntegrityRuns.endedMs))
        .limit(1)
      return row?.body as IntegrityRun | undefined
    },
    funnel: async (period, rule) => {
      const [row] = await database
        .select()
        .from(kpiFunnels)
        .where(and(eq(kpiFunnels.period, period), eq(kpiFunnels.rule, rule)))
      return (
        row && {
          ...{ rule, spread: row.spread },
          points: row.points.map(([unit, count, seen, expected, pValue, qValue]) => ({
            ...{ unit, count, seen, expected, pValue, qValue },
          })),
        }
      )
    },
    grade: (value, only, isOfCases) => {
      if (!hasRun || value.state === 'missing' || value.state === 'not-applicable') return undefined
      return isOfCases
        ? believability.of(value, only)
        : { grade: grades.otherFacts.grade, says: grades.otherFacts.says, because: [] }
    },
    believability: () => believability,
    ranAtMs: () => ranAtMs,
    regionOf: (unit) => regions.get(unit) ?? '',
    unconnectedOf: (unit) => unconnected.get(unit) ?? [],
  }
}

async function keepUnits(database: Database, period: string, units: readonly UnitSigns[]): Promise<void> {
  await database.transaction(async (tx) => {
    await tx.delete(kpiUnitFacts).where(eq(kpiUnitFacts.period, period))
    for (let from = 0; from < units.length; from += rowsPerStatement)
      await tx.insert(kpiUnitFacts).values(
        units.slice(from, from + rowsPerStatement).map(({ unit, region, months, unconnected }) => ({
          ...{ unit, period, region },
          body: { months: Object.fromEntries(months), unconnected } satisfies StoredUnit as Record<string, unknown>,
        })),
      )
  })
}

async function keepFunnels(
  database: Database,
  period: string,
  tests: ReturnType<typeof screenUnits>['tests'],
  spreads: Record<string, number>,
): Promise<void> {
  const byRule = new Map<string, [string, number, number, number, number, number][]>()
  for (const { rule, unit, count, seen, expected, pValue, qValue } of tests) {
    const points = byRule.get(rule) ?? []
    byRule.set(rule, points)
    points.push([unit, count, seen ?? 0, expected ?? 0, pValue, qValue])
  }
  await database.transaction(async (tx) => {
    await tx.delete(kpiFunnels).where(eq(kpiFunnels.period, period))
    for (const [rule, points] of byRule)
      await tx.insert(kpiFunnels).values({ period, rule, spread: spreads[rule] ?? 0, points })
  })
}
