// A figure that changes after it was published: a new entry with its cause, in force only when two people besides the one
// who proposed it have approved. What was published and what the evidence gives are looked up, not taken from who asks.
import { and, desc, eq, gt } from 'drizzle-orm'
import { canonicalJson, recordHash } from '#core/canonical.ts'
import { CodedError } from '#core/errors.ts'
import { writeAudit } from '#stores/state/audit.ts'
import { personOf } from '#stores/state/person.ts'
import { kpiRestatements } from '#stores/state/schema/kpi.ts'
import type { Actor, Database, Transaction } from '#stores/state/state.ts'
import type { KpiValue, Leaf, Restatement } from './contract.ts'
import { cellKey } from './questions/cell.ts'

export type RestatementState = 'proposed' | 'in-force' | 'refused'
export type StoredRestatement = Restatement & { state: RestatementState }

const approversNeeded = 2
const may: ReadonlySet<string> = new Set(['admin', 'operator', 'leader', 'system'])

export interface RestatementStore {
  list(limit: number): Promise<StoredRestatement[]>
  /** @throws CodedError `kpi.release` when nothing was published, or when it says what the evidence says */
  propose(
    actor: Actor,
    given: { before: KpiValue; after: KpiValue; cause: Restatement['cause']; reason: string },
  ): Promise<string>
  /** @throws CodedError `kpi.approval` for the one who proposed it, or who approved already */
  approve(actor: Actor, id: string): Promise<RestatementState>
}

export interface RestatementsDeps {
  database: Database
  nowMs(): number
  newId(): string
  /** Appends a leaf. */
  append(leaf: Leaf): Promise<unknown>
  /** Figures that are shown are others from now on. */
  onInForce(): Promise<void>
}

type Body = Pick<Restatement, 'release' | 'cell' | 'before' | 'after' | 'cause' | 'reason'>

export function createRestatements({ database, nowMs, newId, append, onInForce }: RestatementsDeps): RestatementStore {
  const inForce = async (tx: Transaction, row: typeof kpiRestatements.$inferSelect, approvedBy: string[]) => {
    const body = bodyOf(row.body)
    const overtaken = await tx
      .select({ body: kpiRestatements.body })
      .from(kpiRestatements)
      .where(and(eq(kpiRestatements.state, 'in-force'), gt(kpiRestatements.knownMs, row.proposedMs)))
    // What was approved was looked at as the difference to a figure that stands no more.
    if (overtaken.some((other) => cellOf(bodyOf(other.body)) === cellOf(body)))
      throw new CodedError('conflict', { what: 'The figure' })
    const knownMs = nowMs()
    const hash = recordHash({ ...body, id: row.id, proposedBy: row.proposedBy, approvedBy })
    await append({ kind: 'restatement', id: row.id, version: hash.slice(0, 32), hash, knownMs })
    return knownMs
  }
  return {
    list: async (limit) => {
      const rows = await database.select().from(kpiRestatements).orderBy(desc(kpiRestatements.proposedMs)).limit(limit)
      return rows.map(({ id, state, body, proposedBy, approvedBy, knownMs, proposedMs }) => ({
        ...bodyOf(body),
        ...{ id, state, proposedBy, approvedBy, knownMs: knownMs ?? proposedMs },
      }))
    },
    propose: async (actor, { before, after, cause, reason }) => {
      authorize(actor)
      const { kpi, period, dimensions, switches, published } = before
      if (!published)
        throw new CodedError('kpi.release', {
          ...{ period: period.label, cause: 'it does not hold this figure' },
          hint: 'Nothing has to be restated: the figure follows its evidence.',
        })
      if (canonicalJson(before.ratio) === canonicalJson(after.ratio) && before.state === after.state)
        throw new CodedError('kpi.release', {
          ...{ period: published.period, cause: 'the evidence gives what was published' },
          hint: 'Correct the records or the catalogue first.',
        })
      const [was, is] = [before.definitionVersion, after.definitionVersion]
      if (countingOf(was) !== countingOf(is) && cause !== 'definition')
        throw new CodedError('body.invalid', {
          cause: `it is by definition ${is}, and was by ${was}: the cause is "definition"`,
        })
      const id = newId()
      const { published: _, ...said } = before
      const body: Body = {
        ...{ release: published.period, cell: { kpi, period, dimensions, switches }, before: said, after },
        ...{ cause, reason: reason.slice(0, 4000) },
      }
      await database.transaction(async (tx) => {
        await tx.insert(kpiRestatements).values({
          ...{ id, state: 'proposed', body: JSON.parse(canonicalJson(body)) as Record<string, unknown> },
          ...{ proposedBy: personOf(actor), proposedMs: nowMs(), approvedBy: [] },
        })
        await writeAudit(tx, actor, 'kpi-restatement.propose', id, { kpi, cause, reason })
      })
      return id
    },
    approve: async (actor, id) => {
      const state = await database.transaction(async (tx) => {
        authorize(actor)
        const [row] = await tx.select().from(kpiRestatements).where(eq(kpiRestatements.id, id)).for('update')
        if (!row) throw new CodedError('not-found', { what: `The restatement ${id.slice(0, 64)}` })
        if (row.state !== 'proposed') throw new CodedError('conflict', { what: 'The restatement' })
        const person = personOf(actor)
        if (row.proposedBy === person || row.approvedBy.includes(person))
          throw new CodedError('kpi.approval', { what: 'The restatement' })
        const approvedBy = [...row.approvedBy, person]
        const isEnough = approvedBy.length >= approversNeeded
        const set = isEnough
          ? { state: 'in-force' as const, knownMs: await inForce(tx, row, approvedBy) }
          : { state: 'proposed' as const }
        await tx
          .update(kpiRestatements)
          .set({ approvedBy, ...set })
          .where(eq(kpiRestatements.id, id))
        await writeAudit(tx, actor, 'kpi-restatement.approve', id, { state: set.state })
        return set.state
      })
      if (state === 'in-force') await onInForce()
      return state
    },
  }
}

/** What was restated before releases held figures is of the period of its cell. */
function bodyOf(stored: Record<string, unknown>): Body {
  const body = stored as unknown as Body
  return { ...body, release: body.release ?? body.cell.period.label }
}

function cellOf({ release, after: { kpi, dimensions } }: Body): string {
  return cellKey({ kpi, period: release, dimensions })
}

/** The third number of a version changes words only. */
function countingOf(version: string): string {
  return version.split('.').slice(0, 2).join('.')
}

function authorize(actor: Actor): void {
  if (!may.has(actor.role)) throw new CodedError('auth.forbidden', { role: actor.role, action: 'restate a figure' })
}
