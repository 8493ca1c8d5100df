// Groups of alerts that are told together, as Alertmanager's dispatcher and notification log keep them, but on disk.
import { bigint, boolean, index, jsonb, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import { alerts } from './alerts.ts'

const timeMs = (name: string) => bigint(name, { mode: 'number' })

/** A group of a route. Whoever flushes it holds its row. */
export const notificationGroups = pgTable(
  'notification_groups',
  {
    /** Hash of the route's id and the group's labels: a key of any length has its place. */
    id: text('id').primaryKey(),
    routeId: text('route_id').notNull(),
    /** As Alertmanager writes it. */
    groupKey: text('group_key').notNull(),
    labels: jsonb('labels').$type<Record<string, string>>().notNull(),
    nextFlushMs: timeMs('next_flush_ms').notNull(),
    /** Its first wait is over; from now on it is flushed at every interval. */
    flushed: boolean('flushed').notNull(),
  },
  (table) => [index('notification_groups_next').on(table.nextFlushMs)],
)

/** Alerts that fire, and those that are over until it was told. */
export const notificationGroupMembers = pgTable(
  'notification_group_members',
  {
    groupId: text('group_id')
      .notNull()
      .references(() => notificationGroups.id, { onDelete: 'cascade' }),
    fingerprint: text('fingerprint').notNull(),
    /** The latest episode. */
    alertId: text('alert_id')
      .notNull()
      .references(() => alerts.id, { onDelete: 'cascade' }),
  },
  (table) => [
    primaryKey({ columns: [table.groupId, table.fingerprint] }),
    index('notification_group_members_alert').on(table.alertId),
  ],
)

/** What a receiver knows of a group: written when it was told, never before. */
export const notificationLog = pgTable(
  'notification_log',
  {
    /** Of Alertmanager's key: routes with the same matchers and receiver share what was told, as there. */
    groupHash: text('group_hash').notNull(),
    receiver: text('receiver').notNull(),
    /** Fingerprints of label sets. */
    firing: text('firing').array().notNull(),
    resolved: text('resolved').array().notNull(),
    toldMs: timeMs('told_ms').notNull(),
    expiresMs: timeMs('expires_ms').notNull(),
  },
  (table) => [
    primaryKey({ columns: [table.groupHash, table.receiver] }),
    index('notification_log_expires').on(table.expiresMs),
  ],
)
