// Evidence goes in, is read and leaves; each time a line in its chain of custody says who did it.
import { asc, eq, inArray, sum } from 'drizzle-orm'
import { CodedError } from '#core/errors.ts'
import { type Jurisdiction, regionCovers } from '#core/jurisdiction.ts'
import { writeAudit } from '#stores/state/audit.ts'
import { incidentCustody, incidentEvidence } from '#stores/state/schema/incident-work.ts'
import type { Actor, Database } from '#stores/state/state.ts'
import { authorize, cleanText } from '../../verbs/context.ts'
import { changeIncident, type Hand, type IncidentContext } from '../change.ts'
import type { Locker } from './locker.ts'

export type EvidenceRow = typeof incidentEvidence.$inferSelect
export type CustodyRow = typeof incidentCustody.$inferSelect

export interface NewEvidence {
  kind: EvidenceRow['kind']
  name: string
  mediaType: string
  records: number | null
  note: string
  bounds: Jurisdiction
}

export interface EvidenceLimits {
  fileBytesMax: number
  incidentBytesMax: number
}

const nameMax = 200
const noteMax = 2000

/**
 * Room is looked for before the first byte is read.
 * @throws CodedError `body.too-large`, `not-found`
 */
export async function addEvidence(
  context: IncidentContext,
  locker: Locker,
  limits: EvidenceLimits,
  { actor }: Hand,
  id: string,
  evidence: NewEvidence,
  content: AsyncIterable<Uint8Array>,
  declaredBytes = 0,
): Promise<string> {
  authorize(actor, 'add evidence')
  const [held] = await context.database
    .select({ bytes: sum(incidentEvidence.bytes).mapWith(Number) })
    .from(incidentEvidence)
    .where(eq(incidentEvidence.incidentId, id))
  const limit = Math.min(limits.fileBytesMax, limits.incidentBytesMax - (held?.bytes ?? 0))
  if (limit <= 0 || declaredBytes > limit) throw new CodedError('body.too-large', { limit: Math.max(0, limit) })
  const sealed = await locker.put(content, limit)
  const evidenceId = `evd_${context.random.hex(8)}`
  const name = cleanText(evidence.name, nameMax) || 'file'
  const { kind, mediaType, records, bounds } = evidence
  const note = cleanText(evidence.note, noteMax)
  await changeIncident(context, { actor }, id, async (tx, _row, addedMs) => {
    await tx.insert(incidentEvidence).values({
      ...{ id: evidenceId, incidentId: id, kind, name, mediaType, records, note, bounds, ...sealed },
      ...{ addedBy: actor.name, addedMs },
    })
    await tx.insert(incidentCustody).values({
      ...{ evidenceId, atMs: addedMs, action: 'added', actor: actor.name, address: actor.address, detail: note },
    })
    return { entries: [{ kind: 'evidence', text: name, detail: { evidence: evidenceId, ...sealed } }] }
  })
  return evidenceId
}

/** Nobody sees through evidence what they may not see otherwise. */
export function mayRead({ bounds }: Pick<EvidenceRow, 'bounds'>, reader: Jurisdiction): boolean {
  // No region named is every region: more than who names some may see.
  const within = (inner: readonly string[], outer: readonly string[], covers: (a: string, b: string) => boolean) =>
    outer.length === 0 || (inner.length > 0 && inner.every((one) => outer.some((other) => covers(other, one))))
  return (
    within(bounds.regions, reader.regions, regionCovers) &&
    within(bounds.departments, reader.departments, (a, b) => a === b)
  )
}

/**
 * Checked, then read; both are written down.
 * @throws CodedError `not-found`, `auth.outside`, `incident.evidence`
 */
export async function readEvidence(
  context: IncidentContext,
  locker: Locker,
  actor: Actor,
  incidentIds: readonly string[],
  evidenceId: string,
  reader: Jurisdiction,
): Promise<{ row: EvidenceRow; content: AsyncIterable<Uint8Array> }> {
  authorize(actor, 'read evidence')
  const [row] = await context.database.select().from(incidentEvidence).where(eq(incidentEvidence.id, evidenceId))
  if (!row || !incidentIds.includes(row.incidentId))
    throw new CodedError('not-found', { what: `The evidence ${evidenceId.slice(0, 64)}` })
  if (!mayRead(row, reader)) throw new CodedError('auth.outside')
  await checkEvidence(context, locker, actor, row)
  await writeCustody(context, actor, [row], 'read', '')
  return { row, content: locker.read(row) }
}

/** @throws CodedError `incident.evidence` */
export async function checkEvidence(
  context: IncidentContext,
  locker: Locker,
  actor: Actor,
  row: EvidenceRow,
): Promise<void> {
  const cause = await locker.check(row)
  if (cause === '') return
  await writeCustody(context, actor, [row], 'damaged', cause)
  throw new CodedError('incident.evidence', { name: row.name, cause })
}

export async function writeCustody(
  { database, clock }: IncidentContext,
  actor: Actor,
  rows: readonly EvidenceRow[],
  action: CustodyRow['action'],
  detail: string,
): Promise<void> {
  if (rows.length === 0) return
  const atMs = clock.nowMs()
  await database.transaction(async (tx) => {
    await tx.insert(incidentCustody).values(
      rows.map(({ id }) => ({
        ...{ evidenceId: id, atMs, action, actor: actor.name, address: actor.address, detail },
      })),
    )
    for (const { id, name, incidentId } of rows)
      await writeAudit(tx, actor, `evidence.${action}`, id, { incident: incidentId, name, detail })
  })
}

/** Oldest first. */
export function custodyOf(database: Database, evidenceIds: readonly string[]): Promise<CustodyRow[]> {
  if (evidenceIds.length === 0) return Promise.resolve([])
  return database
    .select()
    .from(incidentCustody)
    .where(inArray(incidentCustody.evidenceId, [...evidenceIds]))
    .orderBy(asc(incidentCustody.id))
}
