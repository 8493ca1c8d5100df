// What departments declare: kept one after the other, the last one counts.
import { asc, desc, sql } from 'drizzle-orm'
import { writeAudit } from '#stores/state/audit.ts'
import { kpiDeclaredCounts } from '#stores/state/schema/kpi-coverage.ts'
import type { Actor, Database } from '#stores/state/state.ts'
import type { Cohort } from './tally.ts'

export interface Declared {
  region: string
  department: string
  month: string
  cohort: Cohort
  count: number
  note: string
}

export interface DeclaredCounts {
  load(): Promise<void>
  declare(actor: Actor, given: readonly Declared[]): Promise<void>
  count(region: string, department: string, month: string, cohort: Cohort): number | undefined
  units(): { region: string; department: string }[]
  history(limit: number): Promise<(typeof kpiDeclaredCounts.$inferSelect)[]>
}

export function createDeclaredCounts(database: Database, nowMs: () => number): DeclaredCounts {
  const latest = new Map<string, Declared>()
  const keyOf = ({ region, department, month, cohort }: Omit<Declared, 'count' | 'note'>): string =>
    [region, department, month, cohort].join('\n')
  return {
    load: async () => {
      latest.clear()
      const rows = await database
        .selectDistinctOn([
          kpiDeclaredCounts.region,
          kpiDeclaredCounts.department,
          kpiDeclaredCounts.month,
          kpiDeclaredCounts.cohort,
        ])
        .from(kpiDeclaredCounts)
        .orderBy(
          asc(kpiDeclaredCounts.region),
          asc(kpiDeclaredCounts.department),
          asc(kpiDeclaredCounts.month),
          asc(kpiDeclaredCounts.cohort),
          desc(kpiDeclaredCounts.id),
        )
      for (const row of rows) latest.set(keyOf(row), row)
    },
    declare: async (actor, given) => {
      const declaredMs = nowMs()
      await database.transaction(async (tx) => {
        // One after the other: what is last in the table is last in memory.
        await tx.execute(sql`lock table ${kpiDeclaredCounts} in share row exclusive mode`)
        await tx.insert(kpiDeclaredCounts).values(given.map((one) => ({ ...one, declaredBy: actor.name, declaredMs })))
        const units = [...new Set(given.map(({ department, month }) => `${department} ${month}`))]
        await writeAudit(tx, actor, 'kpi-coverage.declare', units.slice(0, 5).join(', '), {
          counts: given.slice(0, 50),
        })
      })
      for (const one of given) latest.set(keyOf(one), one)
    },
    count: (region, department, month, cohort) => latest.get(keyOf({ region, department, month, cohort }))?.count,
    units: () => [...latest.values()].map(({ region, department }) => ({ region, department })),
    history: (limit) => database.select().from(kpiDeclaredCounts).orderBy(desc(kpiDeclaredCounts.id)).limit(limit),
  }
}
