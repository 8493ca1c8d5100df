// The register of visits: imported whole, never changed; the last row of a visit counts.
import { asc, desc, sql } from 'drizzle-orm'
import { writeAudit } from '#stores/state/audit.ts'
import { kpiVisits } from '#stores/state/schema/kpi-visits.ts'
import type { Actor, Database } from '#stores/state/state.ts'

export interface Visit {
  visit: string
  atMs: number
  region: string
  department: string
  item: string
  kpi: string
  asReported: boolean
  visitor: string
  note: string
}

export interface VisitDifference {
  added: number
  changed: number
  unchanged: number
}

export interface Visits {
  load(): Promise<void>
  /** Newest first. */
  list(): readonly Visit[]
  difference(given: readonly Visit[]): VisitDifference
  import(actor: Actor, given: readonly Visit[]): Promise<VisitDifference>
}

const rowsPerStatement = 1000

export function createVisits(database: Database, nowMs: () => number): Visits {
  const latest = new Map<string, Visit>()
  let sorted: readonly Visit[] | undefined
  const keep = (visit: Visit): void => {
    latest.set(visit.visit, visit)
    sorted = undefined
  }
  const isNew = (one: Visit): boolean => !latest.has(one.visit)
  const isChanged = (one: Visit): boolean => {
    const known = latest.get(one.visit)
    return known !== undefined && (Object.keys(one) as (keyof Visit)[]).some((name) => known[name] !== one[name])
  }
  const difference = (given: readonly Visit[]): VisitDifference => {
    const [added, changed] = [given.filter(isNew).length, given.filter(isChanged).length]
    return { added, changed, unchanged: given.length - added - changed }
  }
  return {
    difference,
    load: async () => {
      latest.clear()
      const rows = await database
        .selectDistinctOn([kpiVisits.visit])
        .from(kpiVisits)
        .orderBy(asc(kpiVisits.visit), desc(kpiVisits.serial))
      for (const { serial: _, importedBy: __, importedMs: ___, ...visit } of rows) keep(visit)
    },
    list: () => {
      sorted ??= [...latest.values()].sort((a, b) => b.atMs - a.atMs || (a.visit < b.visit ? -1 : 1))
      return sorted
    },
    import: async (actor, given) => {
      const fresh = given.filter((one) => isNew(one) || isChanged(one))
      const result = difference(given)
      const importedMs = nowMs()
      await database.transaction(async (tx) => {
        // One after the other: what is last in the table is last in memory.
        await tx.execute(sql`lock table ${kpiVisits} in share row exclusive mode`)
        for (let from = 0; from < fresh.length; from += rowsPerStatement)
          await tx
            .insert(kpiVisits)
            .values(
              fresh.slice(from, from + rowsPerStatement).map((one) => ({ ...one, importedBy: actor.name, importedMs })),
            )
        await writeAudit(tx, actor, 'kpi-visits.import', `${fresh.length} visits`, { ...result })
      })
      for (const one of fresh) keep(one)
      return result
    },
  }
}
