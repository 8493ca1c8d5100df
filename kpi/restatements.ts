// A figure that changes after it was published: a new entry with its cause, in force only when two people besides the one
// who proposed it have approved.
import { desc, eq } from 'drizzle-orm'
import { CodedError } from '#core/errors.ts'
import { writeAudit } from '#stores/state/audit.ts'
import { personOf } from '#stores/state/person.ts'
import { kpiRestatements } from '#stores/state/schema/kpi.ts'
import type { Actor, Database } from '#stores/state/state.ts'
import type { KpiValue, Restatement } from './contract.ts'

export type RestatementState = 'proposed' | 'in-force' | 'refused'

const approversNeeded = 2
const may: ReadonlySet<string> = new Set(['admin', 'operator', 'leader', 'system'])

export interface RestatementStore {
  list(limit: number): Promise<(Restatement & { state: RestatementState })[]>
  propose(
    actor: Actor,
    given: { before: KpiValue; after: KpiValue; cause: Restatement['cause']; reason: string },
  ): Promise<string>
  /** @throws CodedError `kpi.approval` for the one who proposed it, or who approved already */
  approve(actor: Actor, id: string): Promise<RestatementState>
}

export function createRestatements(database: Database, nowMs: () => number, newId: () => string): RestatementStore {
  return {
    list: async (limit) => {
      const rows = await database.select().from(kpiRestatements).orderBy(desc(kpiRestatements.proposedMs)).limit(limit)
      return rows.map((row) => ({
        ...(row.body as unknown as Pick<Restatement, 'cell' | 'before' | 'after' | 'cause' | 'reason'>),
        ...{
          id: row.id,
          state: row.state,
          proposedBy: row.proposedBy,
          approvedBy: row.approvedBy,
          knownMs: row.knownMs ?? row.proposedMs,
        },
      }))
    },
    propose: async (actor, { before, after, cause, reason }) => {
      authorize(actor)
      const id = newId()
      const { kpi, period, dimensions, switches } = after
      const body = { cell: { kpi, period, dimensions, switches }, before, after, cause, reason: reason.slice(0, 4000) }
      await database.transaction(async (tx) => {
        await tx
          .insert(kpiRestatements)
          .values({ id, state: 'proposed', body, proposedBy: personOf(actor), proposedMs: nowMs(), approvedBy: [] })
        await writeAudit(tx, actor, 'kpi-restatement.propose', id, { kpi, cause, reason })
      })
      return id
    },
    approve: (actor, id) =>
      database.transaction(async (tx) => {
        authorize(actor)
        const [row] = await tx.select().from(kpiRestatements).where(eq(kpiRestatements.id, id)).for('update')
        if (!row) throw new CodedError('not-found', { what: `The restatement ${id.slice(0, 64)}` })
        if (row.state !== 'proposed') throw new CodedError('conflict', { what: 'The restatement' })
        const person = personOf(actor)
        if (row.proposedBy === person || row.approvedBy.includes(person))
          throw new CodedError('kpi.approval', { what: 'The restatement' })
        const approvedBy = [...row.approvedBy, person]
        const state = approvedBy.length >= approversNeeded ? 'in-force' : 'proposed'
        await tx
          .update(kpiRestatements)
          .set({ approvedBy, state, ...(state === 'in-force' ? { knownMs: nowMs() } : {}) })
          .where(eq(kpiRestatements.id, id))
        await writeAudit(tx, actor, 'kpi-restatement.approve', id, { state })
        return state
      }),
  }
}

function authorize(actor: Actor): void {
  if (!may.has(actor.role)) throw new CodedError('auth.forbidden', { role: actor.role, action: 'restate a figure' })
}
