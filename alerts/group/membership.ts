// Which groups an alert is in: written in the transaction that changed the alert, so that neither is ever without the
// other. Groups first and in order, then members: who flushes a group holds its row, and nobody waits in a circle.
import { and, eq, inArray, ne, notInArray, sql } from 'drizzle-orm'
import { alerts } from '#stores/state/schema/alerts.ts'
import { notificationGroupMembers, notificationGroups } from '#stores/state/schema/groups.ts'
import type { Transaction } from '#stores/state/state.ts'
import type { AlertRecord } from '../alert.ts'
import { allRoutes, type Branch, groupKey, groupLabels, type Route, routesFor } from '../routing/route-tree.ts'
import { hashOf, isTold, labelsOf } from './labels.ts'

export type GroupRow = typeof notificationGroups.$inferSelect
type Member = typeof notificationGroupMembers.$inferInsert

export interface Place {
  route: Route
  /** Id of the group's row. */
  groupId: string
  groupKey: string
  labels: Record<string, string>
}

/** Where in the tree an alert belongs. */
export function placesOf(root: Branch, alert: Pick<AlertRecord, 'rule' | 'severity' | 'labels'>): Place[] {
  if (!isTold(alert)) return []
  const labels = labelsOf(alert)
  return routesFor(root, labels).map((route) => {
    const own = groupLabels(route, labels)
    const key = groupKey(route, own)
    return { route, groupId: hashOf(`${route.id}\u0000${key}`), groupKey: key, labels: own }
  })
}

const rowsPerStatement = 1000

/** Puts alerts that fire, or whose data is missing, into their groups. What is over stays where it is until told. */
export async function join(
  tx: Transaction,
  root: Branch,
  records: readonly AlertRecord[],
  nowMs: number,
): Promise<number> {
  const groups = new Map<string, GroupRow>()
  const members = new Map<string, Member>()
  const moved: { fingerprint: string; groupIds: string[] }[] = []
  for (const record of records) {
    if (record.state !== 'firing' && record.state !== 'unknown') continue
    const places = placesOf(root, record)
    for (const { route, groupId, groupKey: key, labels } of places) {
      // As Alertmanager: one that has fired for longer than the wait does not wait again.
      const waited = (record.firedMs ?? record.startedMs) + route.groupWaitMs < nowMs
      const nextFlushMs = waited ? nowMs : nowMs + route.groupWaitMs
      const before = groups.get(groupId)
      groups.set(groupId, {
        ...{ id: groupId, routeId: route.id, groupKey: key, labels, flushed: false },
        nextFlushMs: Math.min(before?.nextFlushMs ?? nextFlushMs, nextFlushMs),
      })
      const { fingerprint, id: alertId } = record
      members.set(`${groupId} ${fingerprint}`, { groupId, fingerprint, alertId })
    }
    moved.push({ fingerprint: record.fingerprint, groupIds: places.map(({ groupId }) => groupId) })
  }
  const rows = [...groups.values()].sort((a, b) => (a.id < b.id ? -1 : 1))
  for (let at = 0; at < rows.length; at += rowsPerStatement)
    await tx
      .insert(notificationGroups)
      .values(rows.slice(at, at + rowsPerStatement))
      .onConflictDoUpdate({
        target: notificationGroups.id,
        set: {
          nextFlushMs: sql`case when ${notificationGroups.flushed} then ${notificationGroups.nextFlushMs}
            else least(${notificationGroups.nextFlushMs}, excluded.next_flush_ms) end`,
        },
      })
  const joining = [...members.values()]
  for (let at = 0; at < joining.length; at += rowsPerStatement)
    await tx
      .insert(notificationGroupMembers)
      .values(joining.slice(at, at + rowsPerStatement))
      .onConflictDoUpdate({
        target: [notificationGroupMembers.groupId, notificationGroupMembers.fingerprint],
        set: { alertId: sql`excluded.alert_id` },
      })
  // A severity that rose, or a file that changed, may have moved it to another group.
  for (let at = 0; at < moved.length; at += rowsPerStatement)
    await leaveOthers(tx, moved.slice(at, at + rowsPerStatement))
  return rows.length
}

async function leaveOthers(
  tx: Transaction,
  moved: readonly { fingerprint: string; groupIds: string[] }[],
): Promise<void> {
  const { groupId, fingerprint } = notificationGroupMembers
  const prints = moved.map((one) => one.fingerprint)
  const stays = moved.flatMap((one) => one.groupIds.map((id) => `${id} ${one.fingerprint}`))
  const place = sql<string>`${groupId} || ' ' || ${fingerprint}`
  await tx
    .delete(notificationGroupMembers)
    .where(and(inArray(fingerprint, prints), stays.length > 0 ? notInArray(place, stays) : undefined))
}

/** At the start: what the file no longer knows is left, what is open has its place. */
export async function rejoin(
  tx: Transaction,
  root: Branch | undefined,
  open: readonly AlertRecord[],
  nowMs: number,
): Promise<void> {
  const known = root ? [...allRoutes(root)].map(({ route }) => route.id) : []
  await tx
    .delete(notificationGroups)
    .where(known.length > 0 ? notInArray(notificationGroups.routeId, known) : undefined)
  if (root) await join(tx, root, open, nowMs)
}

/** Groups that nobody is in any more. Whoever puts an alert into one holds its row until the alert is in. */
export async function dropEmpty(tx: Transaction): Promise<void> {
  const isEmpty = sql`not exists (select 1 from ${notificationGroupMembers} where ${notificationGroupMembers.groupId} = ${notificationGroups.id})`
  const rows = await tx
    .select({ id: notificationGroups.id })
    .from(notificationGroups)
    .where(isEmpty)
    .for('update', { skipLocked: true })
  if (rows.length === 0) return
  // Seen anew, now that the rows are held.
  const ids = rows.map(({ id }) => id)
  await tx.delete(notificationGroups).where(and(inArray(notificationGroups.id, ids), isEmpty))
}

/** Alerts of a group as they are now: those that fire and those that ended. */
export async function membersOf(tx: Transaction, groupId: string) {
  return tx
    .select({ alert: alerts })
    .from(notificationGroupMembers)
    .innerJoin(alerts, eq(alerts.id, notificationGroupMembers.alertId))
    .where(and(eq(notificationGroupMembers.groupId, groupId), ne(alerts.state, 'pending')))
}
