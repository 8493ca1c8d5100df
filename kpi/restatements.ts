// A figure that is said otherwise than before: a new entry with its cause, in force only when two people besides the one who
// proposed it have approved. What was said and what the evidence gives are looked up, not taken from who asks. An appeal that
// is upheld leads to one: then the cases that it is about are taken out of the indicator, in the same transaction.
import { and, desc, eq, gt, lte, sql } from 'drizzle-orm'
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

export interface ProposedRestatement extends Pick<Restatement, 'before' | 'after' | 'cause' | 'reason'> {
  /** An appeal that was upheld: then nothing has to be published yet. */
  appeal?: { id: string; period: string }
  exempt?: readonly string[]
}

export interface RestatementStore {
  list(limit: number): Promise<StoredRestatement[]>
  /** @throws CodedError `kpi.release` when nothing was published, or when it says what the evidence says */
  propose(actor: Actor, given: ProposedRestatement): Promise<string>
  /** The same as a part of something else. */
  proposeIn(tx: Transaction, actor: Actor, given: ProposedRestatement): Promise<string>
  /** @throws CodedError `kpi.approval` for the one who proposed it, or who approved already */
  approve(actor: Actor, id: string): Promise<RestatementState>
  /** By anybody who could approve it, and by who proposed it. */
  refuse(actor: Actor, id: string, reason: string): Promise<RestatementState>
  /** Waiting for approval, of the figures of a period. */
  waiting(period: string): Promise<number>
  ofAppeal(appeal: string): Promise<StoredRestatement[]>
}

export interface RestatementsDeps {
  database: Database
  nowMs(): number
  newId(): string
  /** Appends a leaf. */
  append(leaf: Leaf): Promise<unknown>
  /** Cases that are taken out of an indicator, in the transaction that approves it. */
  exempt(tx: Transaction, restatement: StoredRestatement): Promise<void>
  /** In force: figures that are shown are others from now on. Or refused. */
  onDecided(restatement: StoredRestatement): Promise<void>
}

type Body = Pick<Restatement, 'release' | 'cell' | 'before' | 'after' | 'cause' | 'reason' | 'appeal' | 'exempt'>
type Row = typeof kpiRestatements.$inferSelect

export function createRestatements(deps: RestatementsDeps): RestatementStore {
  const { database, nowMs, newId, append, onDecided } = deps
  const inForce = async (tx: Transaction, row: Row, approvedBy: string[]): Promise<StoredRestatement> => {
    const body = bodyOf(row.body)
    const overtaken = await tx
      .select({ body: kpiRestatements.body })
      .from(kpiRestatements)
      .where(and(eq(kpiRestatements.state, 'in-force'), gt(kpiRestatements.knownMs, row.proposedMs)))
    // What was approved was looked at as the difference to a figure that stands no more.
    if (overtaken.some((other) => cellOf(bodyOf(other.body)) === cellOf(body)))
      throw new CodedError('conflict', { what: 'The figure' })
    const knownMs = nowMs()
    const hash = recordHash({ ...row.body, id: row.id, proposedBy: row.proposedBy, approvedBy })
    const made = storedOf({ ...row, state: 'in-force', approvedBy, knownMs })
    if (made.exempt.length > 0) await deps.exempt(tx, made)
    await append({ kind: 'restatement', id: row.id, version: hash.slice(0, 32), hash, knownMs })
    return made
  }
  const proposed = async (tx: Transaction, id: string): Promise<Row> => {
    const [row] = await tx.select().from(kpiRestatements).where(eq(kpiRestatements.id, id)).for('update')
    if (!row) throw new CodedError('not-found', { what: `The restatement ${id.slice(0, 64)}` })
    if (row.state !== 'proposed') throw new CodedError('conflict', { what: 'The restatement' })
    return row
  }
  const proposeIn = async (tx: Transaction, actor: Actor, given: ProposedRestatement): Promise<string> => {
    authorize(actor)
    const { before, after, cause, reason, appeal, exempt = [] } = given
    const { kpi, period, dimensions, switches, published } = before
    const release = published?.period ?? appeal?.period
    if (release === undefined)
      throw new CodedError('kpi.release', {
        ...{ period: period.label, cause: 'it does not hold this figure' },
        hint: 'Nothing has to be restated: the figure follows its evidence.',
      })
    if (canonicalJson(saidBy(before)) === canonicalJson(saidBy(after)))
      throw new CodedError('kpi.release', {
        ...{ period: release, cause: 'the evidence gives what was said' },
        hint: 'Correct the records or the catalogue first, or name cases that count for this figure.',
      })
    const [was, is] = [before.definitionVersion, after.definitionVersion]
    if (countingOf(was) !== countingOf(is) && cause !== 'definition')
      throw new CodedError('body.invalid', {
        cause: `it is by definition ${is}, and was by ${was}: the cause is "definition"`,
      })
    const id = newId()
    const { published: _, ...said } = before
    const body: Body = {
      ...{ release, cell: { kpi, period, dimensions, switches }, before: said, after },
      ...{ cause, reason: reason.slice(0, 4000), appeal: appeal?.id ?? '', exempt: [...exempt] },
    }
    await tx.insert(kpiRestatements).values({
      ...{ id, state: 'proposed', body: JSON.parse(canonicalJson(body)) as Record<string, unknown> },
      ...{ proposedBy: personOf(actor), proposedMs: nowMs(), approvedBy: [] },
    })
    await writeAudit(tx, actor, 'kpi-restatement.propose', id, { kpi, cause, reason })
    return id
  }
  return {
    list: async (limit) =>
      (await database.select().from(kpiRestatements).orderBy(desc(kpiRestatements.proposedMs)).limit(limit)).map(
        storedOf,
      ),
    ofAppeal: async (appeal) =>
      (
        await database
          .select()
          .from(kpiRestatements)
          .where(sql`${kpiRestatements.body}->>'appeal' = ${appeal}`)
          .orderBy(desc(kpiRestatements.proposedMs))
      ).map(storedOf),
    waiting: (period) =>
      database.$count(
        kpiRestatements,
        and(eq(kpiRestatements.state, 'proposed'), sql`${kpiRestatements.body}->>'release' = ${period}`),
      ),
    propose: (actor, given) => database.transaction((tx) => proposeIn(tx, actor, given)),
    proposeIn,
    approve: async (actor, id) => {
      const made = await database.transaction(async (tx) => {
        authorize(actor)
        const row = await proposed(tx, id)
        const person = personOf(actor)
        if (row.proposedBy === person || row.approvedBy.includes(person))
          throw new CodedError('kpi.approval', { what: 'The restatement' })
        const approvedBy = [...row.approvedBy, person]
        const done = approvedBy.length >= approversNeeded ? await inForce(tx, row, approvedBy) : undefined
        await tx
          .update(kpiRestatements)
          .set({ approvedBy, ...(done ? { state: done.state, knownMs: done.knownMs } : {}) })
          .where(eq(kpiRestatements.id, id))
        await writeAudit(tx, actor, 'kpi-restatement.approve', id, { state: done?.state ?? 'proposed' })
        return done
      })
      if (made) await onDecided(made)
      return made?.state ?? 'proposed'
    },
    refuse: async (actor, id, reason) => {
      const row = await database.transaction(async (tx) => {
        authorize(actor)
        const found = await proposed(tx, id)
        await tx.update(kpiRestatements).set({ state: 'refused' }).where(eq(kpiRestatements.id, id))
        await writeAudit(tx, actor, 'kpi-restatement.refuse', id, {
          by: personOf(actor),
          reason: reason.slice(0, 4000),
        })
        return found
      })
      await onDecided(storedOf({ ...row, state: 'refused' }))
      return 'refused'
    },
  }
}

/** Of the figures of some periods, or in force since; as far as they were in force by a time, the newest first. */
export async function restatedBy(
  database: Database,
  { periods, sinceMs, knownMs }: { periods: readonly string[]; sinceMs: number; knownMs: number },
): Promise<StoredRestatement[]> {
  const rows = await database
    .select()
    .from(kpiRestatements)
    .where(and(eq(kpiRestatements.state, 'in-force'), lte(kpiRestatements.knownMs, knownMs)))
    .orderBy(desc(kpiRestatements.knownMs), kpiRestatements.id)
  return rows.map(storedOf).filter(({ release, knownMs: at }) => periods.includes(release) || at >= sinceMs)
}

function storedOf({ id, state, body, proposedBy, approvedBy, knownMs, proposedMs }: Row): StoredRestatement {
  return { ...bodyOf(body), ...{ id, state, proposedBy, approvedBy, knownMs: knownMs ?? proposedMs } }
}

/** What was restated before releases held figures is of the period of its cell; before appeals led to one, of no appeal. */
function bodyOf(stored: Record<string, unknown>): Body {
  const body = stored as unknown as Body
  return {
    ...body,
    release: body.release ?? body.cell.period.label,
    appeal: body.appeal ?? '',
    exempt: body.exempt ?? [],
  }
}

/** All of a figure that can be others while its ratio is the same. */
function saidBy({ state, ratio, numerator, denominator, exclusions }: KpiValue): unknown {
  return { state, ratio, numerator, denominator, exclusions }
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
