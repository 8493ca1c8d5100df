// Where each source stands, in the state database: position, what was counted, what went wrong, and rows set aside.
import { and, desc, eq, inArray, lt, sql } from 'drizzle-orm'
import { writeAudit } from '#stores/state/audit.ts'
import { kpiPullRuns, kpiPullSetAside, kpiPullSources } from '#stores/state/schema/kpi-pull.ts'
import type { Actor, Database } from '#stores/state/state.ts'
import type { Position } from './database.ts'

export type SourceState = typeof kpiPullSources.$inferSelect
export type PullRun = typeof kpiPullRuns.$inferSelect
export type SetAsideRow = typeof kpiPullSetAside.$inferSelect

export interface PageCounts {
  rows: number
  stored: number
  duplicates: number
  late: number
}

export interface PullState {
  of(id: string): Promise<SourceState>
  /** One transaction: position, counts and rows set aside stand or fall together. */
  savePage(id: string, page: PageSaved): Promise<void>
  saveTypes(id: string, types: Record<string, string>): Promise<void>
  saveRun(run: Omit<PullRun, 'id'>, after: RunEnd): Promise<void>
  /** The types of now are the right ones. */
  accept(actor: Actor, id: string): Promise<void>
  want(actor: Actor, id: string, nowMs: number): Promise<void>
  runs(id: string, limit: number): Promise<PullRun[]>
  setAside(id: string, limit: number): Promise<{ total: number; rows: SetAsideRow[] }>
}

export interface PageSaved {
  /** Undefined: it stays where it is. */
  position: Position | undefined
  counts: PageCounts
  /** Keys of rows that were taken … */
  taken: readonly string[]
  /** … and of rows that were not. */
  refused: readonly { rowKey: string; cause: string; hint: string }[]
  nowMs: number
}

export interface RunEnd {
  error: { code: string; message: string; hint: string } | undefined
  nextMs: number
  remarks: string[]
}

const keptMs = 90 * 86_400_000
export const setAsideMax = 10_000

export function createPullState(database: Database): PullState {
  const ensure = (id: string) => database.insert(kpiPullSources).values({ id }).onConflictDoNothing()
  const where = (id: string) => eq(kpiPullSources.id, id)
  return {
    of: async (id) => {
      await ensure(id)
      const [row] = await database.select().from(kpiPullSources).where(where(id))
      return row!
    },
    savePage: async (id, { position, counts, taken, refused, nowMs }) => {
      await database.transaction(async (tx) => {
        await tx
          .update(kpiPullSources)
          .set({
            ...(position ? { updated: position.updated, cursorId: position.id } : {}),
            rows: sql`${kpiPullSources.rows} + ${counts.rows}`,
            stored: sql`${kpiPullSources.stored} + ${counts.stored}`,
            duplicates: sql`${kpiPullSources.duplicates} + ${counts.duplicates}`,
            late: sql`${kpiPullSources.late} + ${counts.late}`,
          })
          .where(where(id))
        if (taken.length > 0)
          await tx
            .delete(kpiPullSetAside)
            .where(and(eq(kpiPullSetAside.source, id), inArray(kpiPullSetAside.rowKey, [...taken])))
        if (refused.length === 0) return
        const kept = await tx.$count(kpiPullSetAside, eq(kpiPullSetAside.source, id))
        const rows = [...new Map(refused.map((one) => [one.rowKey, one])).values()]
          .slice(0, Math.max(0, setAsideMax - kept))
          .map((one) => ({ source: id, ...one, firstMs: nowMs, lastMs: nowMs }))
        if (rows.length === 0) return
        await tx
          .insert(kpiPullSetAside)
          .values(rows)
          .onConflictDoUpdate({
            target: [kpiPullSetAside.source, kpiPullSetAside.rowKey],
            set: { cause: sql`excluded.cause`, hint: sql`excluded.hint`, lastMs: nowMs },
          })
      })
    },
    saveTypes: async (id, types) => {
      await database.update(kpiPullSources).set({ types }).where(where(id))
    },
    saveRun: async (run, { error, nextMs, remarks }) => {
      await database.transaction(async (tx) => {
        await tx.insert(kpiPullRuns).values(run)
        await tx
          .delete(kpiPullRuns)
          .where(and(eq(kpiPullRuns.source, run.source), lt(kpiPullRuns.startedMs, run.startedMs - keptMs)))
        await tx
          .update(kpiPullSources)
          .set({
            ...{ state: error ? 'failed' : 'ok', lastRunMs: run.endedMs, nextMs, remarks, wantedMs: null },
            ...{ errorCode: error?.code ?? null, errorMessage: error?.message ?? null, errorHint: error?.hint ?? null },
            ...(error
              ? {
                  failures: sql`${kpiPullSources.failures} + 1`,
                  failedSinceMs: sql`coalesce(${kpiPullSources.failedSinceMs}, ${run.endedMs})`,
                }
              : { failures: 0, failedSinceMs: null, lastOkMs: run.endedMs }),
          })
          .where(where(run.source))
      })
    },
    accept: async (actor, id) => {
      await database.transaction(async (tx) => {
        await tx.update(kpiPullSources).set({ types: {}, nextMs: 0 }).where(where(id))
        await writeAudit(tx, actor, 'kpi-pull.accept-types', id)
      })
    },
    want: async (actor, id, nowMs) => {
      await ensure(id)
      await database.transaction(async (tx) => {
        await tx.update(kpiPullSources).set({ wantedMs: nowMs }).where(where(id))
        await writeAudit(tx, actor, 'kpi-pull.run', id)
      })
    },
    runs: (id, limit) =>
      database.select().from(kpiPullRuns).where(eq(kpiPullRuns.source, id)).orderBy(desc(kpiPullRuns.id)).limit(limit),
    setAside: async (id, limit) => ({
      total: await database.$count(kpiPullSetAside, eq(kpiPullSetAside.source, id)),
      rows: await database
        .select()
        .from(kpiPullSetAside)
        .where(eq(kpiPullSetAside.source, id))
        .orderBy(desc(kpiPullSetAside.lastMs))
        .limit(limit),
    }),
  }
}
