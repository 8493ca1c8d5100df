// What the routing tree decides on an alert: which routes take it, what time intervals say now, and until when its group
// waits.
import { and, arrayContains, eq } from 'drizzle-orm'
import { notifications } from '#stores/state/schema/alerts.ts'
import { notificationGroups, notificationLog } from '#stores/state/schema/groups.ts'
import type { Database } from '#stores/state/state.ts'
import type { Alert } from '../alert.ts'
import { hashOf, labelFingerprint, labelsOf } from '../group/labels.ts'
import { type Place, placesOf } from '../group/membership.ts'
import type { AlertReceiverConfig } from '../notify/config.ts'
import type { Routing } from '../routing/alertmanager-file.ts'
import { quietUntil } from '../routing/quiet.ts'

export type WhyRouted =
  /** A route takes it into this group. */
  | { kind: 'route'; receiver: string; path: string; group: Record<string, string> }
  /** Nothing that sends stands behind the name. */
  | { kind: 'nobody'; receiver: string; path: string }
  /** `mutes`: it holds and keeps the route quiet; else none of them holds and the route tells only then. */
  | { kind: 'time-interval'; receiver: string; path: string; interval: string; mutes: boolean; untilMs: number | null }
  /** `first`: the group's wait; else the interval until its next turn. */
  | { kind: 'waiting'; receiver: string; path: string; untilMs: number; first: boolean }
  /** It was told; again when it still fires at the group's first turn after this. */
  | { kind: 'repeat'; receiver: string; path: string; untilMs: number }

export interface RoutedDeps {
  database: Database
  nowMs: number
  routing: Routing
  receivers(name: string): readonly AlertReceiverConfig[]
}

/** @param isMuted a silence or another alert keeps it back: it waits for nothing else */
export async function whyRouted(alert: Alert, isMuted: boolean, deps: RoutedDeps): Promise<WhyRouted[]> {
  const found: WhyRouted[] = []
  for (const place of placesOf(deps.routing.root, alert)) found.push(...(await whyPlace(alert, place, isMuted, deps)))
  return found
}

async function whyPlace(alert: Alert, place: Place, isMuted: boolean, deps: RoutedDeps): Promise<WhyRouted[]> {
  const { route, groupKey, labels: group } = place
  const at = { receiver: route.receiver, path: route.path }
  const found: WhyRouted[] = [{ kind: 'route', ...at, group }]
  const receivers = deps.receivers(route.receiver).map(({ name }) => name)
  if (receivers.length === 0) return [...found, { kind: 'nobody', ...at }]
  if (alert.state === 'resolved' || alert.state === 'pending') return found
  const muting = quietUntil(route, deps.routing, deps.nowMs)
  if (muting) found.push({ kind: 'time-interval', ...at, ...muting })
  if (muting || isMuted) return found
  const [row] = await deps.database.select().from(notificationGroups).where(eq(notificationGroups.id, place.groupId))
  const told = await deps.database
    .select()
    .from(notificationLog)
    .where(eq(notificationLog.groupHash, hashOf(groupKey)))
  const print = labelFingerprint(labelsOf(alert))
  const knowing = told.filter(({ receiver, firing }) => receivers.includes(receiver) && firing.includes(print))
  if (knowing.length === receivers.length) {
    const toldMs = Math.min(...knowing.map((one) => one.toldMs))
    found.push({ kind: 'repeat', ...at, untilMs: toldMs + route.repeatIntervalMs })
  } else if (row && !(await isBeingTold(deps.database, place.groupId, alert.id)))
    found.push({ kind: 'waiting', ...at, untilMs: row.nextFlushMs, first: !row.flushed })
  return found
}

/** Written into the outbox: the rest is between it and the receiver. */
async function isBeingTold(database: Database, groupId: string, alertId: string): Promise<boolean> {
  const { id, groupId: group, alertIds, state } = notifications
  const [row] = await database
    .select({ id })
    .from(notifications)
    .where(and(eq(group, groupId), eq(state, 'pending'), arrayContains(alertIds, [alertId])))
    .limit(1)
  return row !== undefined
}
