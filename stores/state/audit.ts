// Writing the audit trail: always inside the transaction of the change it speaks of, at the database's time.
import { sql } from 'drizzle-orm'
import { audit } from './schema/audit.ts'
import type { Actor, Database, Transaction } from './state.ts'

const detailCharsMax = 16_384

export async function writeAudit(
  tx: Transaction | Database,
  actor: Actor,
  action: string,
  object: string,
  detail: Record<string, unknown> = {},
): Promise<void> {
  await writeAuditRow(tx, actor, action, object, detail)
}

/** @returns its id, for what else is kept about it */
export async function writeAuditRow(
  tx: Transaction | Database,
  actor: Actor,
  action: string,
  object: string,
  detail: Record<string, unknown> = {},
): Promise<number> {
  const text = JSON.stringify(detail)
  const [row] = await tx
    .insert(audit)
    .values({
      atMs: sql`(extract(epoch from clock_timestamp()) * 1000)::bigint`,
      actorKind: actor.kind,
      actorId: actor.id,
      actor: actor.name,
      role: actor.role,
      action,
      object,
      detail: text.length > detailCharsMax ? { cut: text.slice(0, detailCharsMax) } : detail,
      address: actor.address,
    })
    .returning({ id: audit.id })
  return row!.id
}

/** Rules, schedules and the process itself. */
export const systemActor: Actor = { kind: 'system', id: 'system', name: 'guanlan', role: 'system', address: '' }
