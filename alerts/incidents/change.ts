// How a change of one incident is written: the row is locked, the version that the person saw is compared, and timeline
// and audit row are part of the same transaction.
import { eq } from 'drizzle-orm'
import type { Clock } from '#core/clock.ts'
import { CodedError } from '#core/errors.ts'
import type { Random } from '#core/random.ts'
import { writeAudit } from '#stores/state/audit.ts'
import { incidents, incidentTimeline } from '#stores/state/schema/incident-work.ts'
import type { Actor, Database, Transaction } from '#stores/state/state.ts'
import { authorize } from '../verbs/context.ts'
import type { IncidentRow } from './model.ts'
import type { Rulebook } from './rulebook/rulebook.ts'

export interface IncidentContext {
  database: Database
  clock: Clock
  random: Random
  rulebook: Rulebook
  /** Told after each commit. */
  changed(id: string): void
}

/** What a person did, and to which version of it. */
export interface Hand {
  actor: Actor
  /** Absent for what only adds: notes, tasks, evidence. */
  version?: number | undefined
}

export interface TimelineEntry {
  kind: string
  text?: string
  detail?: Record<string, unknown>
}

export interface IncidentChange {
  set?: Partial<IncidentRow>
  entries: TimelineEntry[]
}

/**
 * `work` returns undefined when there is nothing to do.
 * @throws CodedError `not-found`, `auth.forbidden`, `incident.conflict`, `incident.merged`
 */
export async function changeIncident(
  context: IncidentContext,
  { actor, version }: Hand,
  id: string,
  work: (tx: Transaction, row: IncidentRow, nowMs: number) => Promise<IncidentChange | undefined>,
): Promise<void> {
  // Whoever has the machine has the command line.
  if (actor.kind !== 'system') authorize(actor, 'work on incidents')
  await context.database.transaction(async (tx) => {
    const row = await lockIncident(tx, id)
    if (version !== undefined && version !== row.version)
      throw new CodedError('incident.conflict', {
        ...{ number: row.number, by: row.changedBy, at: new Date(row.changedMs).toISOString() },
        ...{ version: row.version, seen: version },
      })
    const nowMs = context.clock.nowMs()
    const change = await work(tx, row, nowMs)
    if (!change) return
    await writeChange(tx, actor, row, change, nowMs)
  })
  context.changed(id)
}

/** @throws CodedError `not-found`, `incident.merged` */
export async function lockIncident(tx: Transaction, id: string): Promise<IncidentRow> {
  const [row] = await tx.select().from(incidents).where(eq(incidents.id, id)).for('update')
  if (!row) throw new CodedError('not-found', { what: `The incident ${id.slice(0, 64)}` })
  if (row.mergedInto !== null) {
    const [into] = await tx.select().from(incidents).where(eq(incidents.id, row.mergedInto))
    throw new CodedError('incident.merged', { number: row.number, into: into?.number ?? 0 })
  }
  return row
}

export async function writeChange(
  tx: Transaction,
  actor: Actor,
  row: IncidentRow,
  { set = {}, entries }: IncidentChange,
  nowMs: number,
): Promise<void> {
  // What only adds does not outdate what others see.
  const changes = Object.keys(set).length > 0
  if (changes)
    await tx
      .update(incidents)
      .set({ ...set, version: row.version + 1, changedBy: actor.name, changedMs: nowMs })
      .where(eq(incidents.id, row.id))
  await writeTimeline(tx, row.id, actor.name, entries, nowMs)
  for (const { kind, text, detail } of entries)
    await writeAudit(tx, actor, `incident.${kind}`, row.id, {
      number: row.number,
      ...(text ? { text } : {}),
      ...detail,
    })
}

export async function writeTimeline(
  tx: Transaction,
  incidentId: string,
  actor: string,
  entries: readonly TimelineEntry[],
  atMs: number,
): Promise<void> {
  if (entries.length === 0) return
  await tx
    .insert(incidentTimeline)
    .values(entries.map(({ kind, text = '', detail = {} }) => ({ incidentId, atMs, kind, actor, text, detail })))
}
