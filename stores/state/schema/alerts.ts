// Alerts, what happened to them, the change feed and the notification outbox. Times are milliseconds since the epoch.
import { sql } from 'drizzle-orm'
import {
  bigint,
  bigserial,
  boolean,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  text,
  uniqueIndex,
} from 'drizzle-orm/pg-core'
import type { Evidence, Severity } from '#core/finding.ts'

const timeMs = (name: string) => bigint(name, { mode: 'number' })

export const alerts = pgTable(
  'alerts',
  {
    /** Sorts by the time it was opened. */
    id: text('id').primaryKey(),
    fingerprint: text('fingerprint').notNull(),
    /** Counts up from 1 within a fingerprint. */
    episode: integer('episode').notNull(),
    rule: text('rule').notNull(),
    title: text('title').notNull(),
    description: text('description').notNull(),
    severity: text('severity').$type<Severity>().notNull(),
    state: text('state').$type<'pending' | 'firing' | 'unknown' | 'resolved'>().notNull(),
    labels: jsonb('labels').$type<Record<string, string>>().notNull(),
    annotations: jsonb('annotations').$type<Record<string, string>>().notNull(),
    entities: jsonb('entities').$type<string[]>().notNull(),
    evidence: jsonb('evidence').$type<Evidence>().notNull(),
    forMs: bigint('for_ms', { mode: 'number' }).notNull(),
    resolveAfterMs: bigint('resolve_after_ms', { mode: 'number' }).notNull(),
    startedMs: timeMs('started_ms').notNull(),
    /** Since when it is active without a break; `forMs` counts from here. */
    activeSinceMs: timeMs('active_since_ms').notNull(),
    firedMs: timeMs('fired_ms'),
    resolvedMs: timeMs('resolved_ms'),
    /** By the findings' own time. */
    lastSeenMs: timeMs('last_seen_ms').notNull(),
    /** By the observatory's clock: timeouts count from here, so that a sender's wrong clock resolves nothing. */
    lastReceivedMs: timeMs('last_received_ms').notNull(),
    findingCount: bigint('finding_count', { mode: 'number' }).notNull(),
    value: doublePrecision('value'),
    threshold: doublePrecision('threshold'),
    /** A notification intent was written in this episode, so its end is worth one too. */
    told: boolean('told').notNull(),
    acknowledgedBy: text('acknowledged_by'),
    acknowledgedMs: timeMs('acknowledged_ms'),
  },
  (table) => [
    uniqueIndex('alerts_fingerprint_episode').on(table.fingerprint, table.episode),
    uniqueIndex('alerts_open_fingerprint').on(table.fingerprint).where(sql`${table.state} <> 'resolved'`),
    index('alerts_started').on(table.startedMs, table.id),
    index('alerts_resolved').on(table.resolvedMs).where(sql`${table.state} = 'resolved'`),
  ],
)

/** Append-only: what happened to an alert and who did it. */
export const alertHistory = pgTable(
  'alert_history',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    alertId: text('alert_id')
      .notNull()
      .references(() => alerts.id, { onDelete: 'cascade' }),
    atMs: timeMs('at_ms').notNull(),
    kind: text('kind')
      .$type<'state' | 'acknowledge' | 'unacknowledge' | 'note' | 'notified' | 'notification-failed'>()
      .notNull(),
    actor: text('actor').notNull(),
    text: text('text').notNull(),
  },
  (table) => [index('alert_history_alert').on(table.alertId, table.id)],
)

/**
 * The feed. Writers hold an advisory lock until they commit, so a reader that has seen sequence N will never meet a
 * smaller one later; numbers may be left out, never reordered.
 */
export const alertChanges = pgTable(
  'alert_changes',
  {
    sequence: bigserial('sequence', { mode: 'number' }).primaryKey(),
    atMs: timeMs('at_ms').notNull(),
    change: text('change')
      .$type<'pending' | 'firing' | 'resolved' | 'unknown' | 'updated' | 'acknowledged' | 'unacknowledged'>()
      .notNull(),
    /** The alert as it was then, in the shape of the API. */
    alert: jsonb('alert').$type<Record<string, unknown>>().notNull(),
  },
  (table) => [index('alert_changes_alert').on(sql`(${table.alert} ->> 'id')`, table.sequence)],
)

/** The outbox: what must be told to whom, written in the transaction that changed the alert. */
export const notifications = pgTable(
  'notifications',
  {
    /** Sent along as the idempotency id. */
    id: text('id').primaryKey(),
    /** Order within a receiver and alert. */
    sequence: bigserial('sequence', { mode: 'number' }).notNull(),
    receiver: text('receiver').notNull(),
    /** Of a single alert; null for a group. */
    alertId: text('alert_id'),
    event: text('event').$type<'firing' | 'escalated' | 'unknown' | 'resolved'>().notNull(),
    alert: jsonb('alert').$type<Record<string, unknown>>(),
    /** Of a group: which, what is told of it, and of which alerts. */
    groupId: text('group_id'),
    message: jsonb('message').$type<Record<string, unknown>>(),
    alertIds: text('alert_ids').array(),
    state: text('state').$type<'pending' | 'delivered' | 'failed'>().notNull(),
    attempts: integer('attempts').notNull(),
    createdMs: timeMs('created_ms').notNull(),
    nextAttemptMs: timeMs('next_attempt_ms').notNull(),
    deadlineMs: timeMs('deadline_ms').notNull(),
    /** A worker has it until then; 0 when nobody has. */
    leasedUntilMs: timeMs('leased_until_ms').notNull(),
    /** 0 before the first. */
    lastAttemptMs: timeMs('last_attempt_ms').notNull(),
    finishedMs: timeMs('finished_ms'),
    lastError: text('last_error'),
  },
  (table) => [
    index('notifications_pending').on(table.receiver, table.sequence).where(sql`${table.state} = 'pending'`),
    index('notifications_pending_alert')
      .on(table.receiver, table.alertId, table.sequence)
      .where(sql`${table.state} = 'pending'`),
    // A group has at most one that is under way, for each receiver.
    uniqueIndex('notifications_pending_group').on(table.receiver, table.groupId).where(sql`${table.state} = 'pending'`),
    index('notifications_alert_ids').using('gin', table.alertIds).where(sql`${table.alertIds} is not null`),
    index('notifications_finished').on(table.finishedMs).where(sql`${table.state} <> 'pending'`),
  ],
)
