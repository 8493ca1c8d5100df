// A group's turn: what is muted is left out, each receiver's need is decided against what it was told last, and what
// must be told is written into the outbox, all in one transaction that holds the group's row. One process flushes it.
import { and, asc, eq, inArray, lte } from 'drizzle-orm'
import { notifications } from '#stores/state/schema/alerts.ts'
import { notificationGroupMembers, notificationGroups, notificationLog } from '#stores/state/schema/groups.ts'
import type { Database, Transaction } from '#stores/state/state.ts'
import { type AlertRecord, alertOf } from '../alert.ts'
import { type NewNotification, recordOf } from '../lifecycle/tables.ts'
import type { AlertReceiverConfig } from '../notify/config.ts'
import type { Route } from '../routing/route-tree.ts'
import { compareLabels, hashOf, labelFingerprint, labelsOf } from './labels.ts'
import { type GroupRow, membersOf } from './membership.ts'
import type { GroupMessage } from './message.ts'
import { mustTell, verdictOf } from './needs-telling.ts'
import { writeLog } from './settle.ts'

/** In Alertmanager's words. */
export type Suppression = 'silence' | 'inhibition' | 'time_interval'

export interface FlushDeps {
  database: Database
  route(id: string): Route | undefined
  /** Those behind the name that the routing tree uses. */
  receivers(name: string): readonly AlertReceiverConfig[]
  isMutedRoute(route: Route, nowMs: number): boolean
  mutedBy(alert: AlertRecord): Suppression | undefined
  /** An alert was left out of a turn. */
  suppressed(reason: Suppression): void
  newId(): string
}

/** Of the alerts in one notification, whatever a receiver takes. */
const alertsMax = 1000

export async function dueGroups(database: Database, nowMs: number, limit: number): Promise<string[]> {
  const rows = await database
    .select({ id: notificationGroups.id })
    .from(notificationGroups)
    .where(lte(notificationGroups.nextFlushMs, nowMs))
    .orderBy(asc(notificationGroups.nextFlushMs))
    .limit(limit)
  return rows.map(({ id }) => id)
}

/** @returns the receivers for whom something was written */
export async function flushGroup(id: string, nowMs: number, deps: FlushDeps): Promise<string[]> {
  return deps.database.transaction(async (tx) => {
    const [group] = await tx
      .select()
      .from(notificationGroups)
      .where(and(eq(notificationGroups.id, id), lte(notificationGroups.nextFlushMs, nowMs)))
      .for('update', { skipLocked: true })
    const route = group && deps.route(group.routeId)
    if (!route) return []
    await tx
      .update(notificationGroups)
      .set({ nextFlushMs: nowMs + route.groupIntervalMs, flushed: true })
      .where(eq(notificationGroups.id, id))
    const members = (await membersOf(tx, id)).map(({ alert }) => recordOf(alert))
    if (members.length === 0) return []
    const isQuiet = deps.isMutedRoute(route, nowMs)
    const shown = members.filter((alert) => {
      const reason = isQuiet ? 'time_interval' : deps.mutedBy(alert)
      if (reason) deps.suppressed(reason)
      return !reason
    })
    return tell(tx, { group, route, members, shown: shown.sort(inOrder), nowMs }, deps)
  })
}

interface Turn {
  group: GroupRow
  route: Route
  members: AlertRecord[]
  shown: AlertRecord[]
  nowMs: number
}

async function tell(tx: Transaction, turn: Turn, deps: FlushDeps): Promise<string[]> {
  const { group, route, members, shown, nowMs } = turn
  const receivers = deps.receivers(route.receiver)
  const print = (alert: AlertRecord): string => labelFingerprint(labelsOf(alert))
  const firing = shown.filter(({ state }) => state !== 'resolved').map(print)
  const resolved = shown.filter(({ state }) => state === 'resolved').map(print)
  const names = receivers.map(({ name }) => name)
  const waiting = names.length === 0 ? [] : await waitingFor(tx, group.id, names)
  const told = shown.length === 0 || names.length === 0 ? [] : await logOf(tx, group, names)
  const woken: string[] = []
  /** Ended alerts of which somebody has not heard yet. */
  let owed = false
  for (const receiver of receivers) {
    const before = waiting.find((row) => row.receiver === receiver.name)
    if (before && before.leasedUntilMs > nowMs) {
      // An attempt is under way: what changed since is told at the next turn.
      owed = true
      continue
    }
    const { sendResolved } = receiver
    const known = told.find((row) => row.receiver === receiver.name)
    const wanted = { sendResolved, repeatIntervalMs: route.repeatIntervalMs, nowMs }
    const must = shown.length > 0 && mustTell(verdictOf(known, { firing, resolved }, wanted))
    // What waits for another attempt is not true any more: it gives way to what is.
    if (before) await tx.delete(notifications).where(eq(notifications.id, before.id))
    if (!must) continue
    const message = messageOf(turn, receiver, firing, resolved)
    if (message.alerts.length === 0) {
      await writeLog(tx, receiver.name, message, nowMs)
      continue
    }
    owed = true
    woken.push(receiver.name)
    await tx.insert(notifications).values({
      ...rowOf(turn, receiver, message, deps.newId()),
      ...{ lastError: before?.lastError ?? null, lastAttemptMs: before?.lastAttemptMs ?? 0 },
    })
  }
  if (!owed) await leave(tx, group.id, members)
  return woken
}

/** What ended and was told to everyone, or concerns nobody, is no longer in the group. */
async function leave(tx: Transaction, groupId: string, members: readonly AlertRecord[]): Promise<void> {
  const ended = members.filter(({ state }) => state === 'resolved').map(({ id }) => id)
  if (ended.length === 0) return
  await tx
    .delete(notificationGroupMembers)
    .where(and(eq(notificationGroupMembers.groupId, groupId), inArray(notificationGroupMembers.alertId, ended)))
}

function messageOf(
  { group, route, members, shown }: Turn,
  receiver: AlertReceiverConfig,
  firing: string[],
  resolved: string[],
): GroupMessage {
  const sent = receiver.sendResolved ? shown : shown.filter(({ state }) => state !== 'resolved')
  const max = Math.min(receiver.alertsMax || alertsMax, alertsMax)
  return {
    ...{ groupKey: group.groupKey, receiver: route.receiver, path: route.path, labels: group.labels },
    alerts: sent.slice(0, max).map((record) => ({ ...alertOf(record), evidence: record.evidence })),
    truncated: Math.max(0, sent.length - max),
    ...{ firing, resolved, repeatIntervalMs: route.repeatIntervalMs },
    resolvedIds: members.filter(({ state }) => state === 'resolved').map(({ id }) => id),
  }
}

function rowOf(
  { group, shown, nowMs }: Turn,
  receiver: AlertReceiverConfig,
  message: GroupMessage,
  id: string,
): NewNotification {
  return {
    ...{ id, receiver: receiver.name, alertId: null, alert: null, groupId: group.id },
    message: { ...message },
    alertIds: shown.map((alert) => alert.id),
    event: message.firing.length > 0 ? 'firing' : 'resolved',
    ...{ state: 'pending', attempts: 0, createdMs: nowMs, nextAttemptMs: nowMs },
    deadlineMs: nowMs + receiver.deadlineMs,
    leasedUntilMs: 0,
    lastAttemptMs: 0,
  }
}

async function waitingFor(tx: Transaction, groupId: string, names: readonly string[]) {
  const { id, receiver, leasedUntilMs, lastError, lastAttemptMs, state } = notifications
  // Whoever settles one of them now is waited for; what was told is then read from the log.
  return tx
    .select({ id, receiver, leasedUntilMs, lastError, lastAttemptMs })
    .from(notifications)
    .where(and(eq(notifications.groupId, groupId), inArray(receiver, [...names]), eq(state, 'pending')))
    .for('update')
}

async function logOf(tx: Transaction, { groupKey }: GroupRow, names: readonly string[]) {
  return tx
    .select()
    .from(notificationLog)
    .where(and(eq(notificationLog.groupHash, hashOf(groupKey)), inArray(notificationLog.receiver, [...names])))
}

function inOrder(a: AlertRecord, b: AlertRecord): number {
  return compareLabels(labelsOf(a), labelsOf(b))
}
