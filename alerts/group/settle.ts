// When a receiver was told of a group: what it now knows, and who may leave.
import { and, eq, inArray, ne, sql } from 'drizzle-orm'
import { notifications } from '#stores/state/schema/alerts.ts'
import { notificationGroupMembers, notificationLog } from '#stores/state/schema/groups.ts'
import type { Transaction } from '#stores/state/state.ts'
import { hashOf } from './labels.ts'
import type { GroupMessage } from './message.ts'

/** Alertmanager's --data.retention. */
const keptMsMin = 120 * 3_600_000

export async function writeLog(tx: Transaction, receiver: string, message: GroupMessage, nowMs: number): Promise<void> {
  const { groupKey, firing, resolved, repeatIntervalMs } = message
  const row = { firing, resolved, toldMs: nowMs, expiresMs: nowMs + Math.max(keptMsMin, 2 * repeatIntervalMs) }
  await tx
    .insert(notificationLog)
    .values({ groupHash: hashOf(groupKey), receiver, ...row })
    .onConflictDoUpdate({ target: [notificationLog.groupHash, notificationLog.receiver], set: row })
}

/** In the transaction that says that the notification was delivered. */
export async function settleGroup(
  tx: Transaction,
  row: typeof notifications.$inferSelect,
  nowMs: number,
): Promise<void> {
  await writeLog(tx, row.receiver, row.message as unknown as GroupMessage, nowMs)
  const { resolvedIds } = row.message as unknown as GroupMessage
  if (row.groupId === null || resolvedIds.length === 0) return
  const others = await tx
    .select({ resolvedIds: sql<string[] | null>`${notifications.message} -> 'resolvedIds'` })
    .from(notifications)
    .where(
      and(eq(notifications.groupId, row.groupId), eq(notifications.state, 'pending'), ne(notifications.id, row.id)),
    )
  const owed = new Set(others.flatMap((other) => other.resolvedIds ?? []))
  // By the id of the episode: an alert that fires again has another one by now, and stays.
  const ended = resolvedIds.filter((id) => !owed.has(id))
  if (ended.length === 0) return
  await tx
    .delete(notificationGroupMembers)
    .where(and(eq(notificationGroupMembers.groupId, row.groupId), inArray(notificationGroupMembers.alertId, ended)))
}
