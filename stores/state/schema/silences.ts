// Silences in Alertmanager's words, and what is not told while one holds.
import { bigint, index, jsonb, pgTable, text } from 'drizzle-orm/pg-core'

const timeMs = (name: string) => bigint(name, { mode: 'number' })

export const silences = pgTable(
  'silences',
  {
    id: text('id').primaryKey(),
    matchers: jsonb('matchers')
      .$type<{ name: string; value: string; isRegex: boolean; isEqual: boolean }[]>()
      .notNull(),
    startsMs: timeMs('starts_ms').notNull(),
    endsMs: timeMs('ends_ms').notNull(),
    createdBy: text('created_by').notNull(),
    comment: text('comment').notNull(),
    updatedMs: timeMs('updated_ms').notNull(),
  },
  (table) => [index('silences_ends').on(table.endsMs)],
)

/** Alerts of which people would have been told, were they not muted: told when that ends and they still fire. */
export const heldNotifications = pgTable('held_notifications', {
  alertId: text('alert_id').primaryKey(),
  event: text('event').$type<'firing' | 'escalated' | 'unknown'>().notNull(),
  sinceMs: timeMs('since_ms').notNull(),
})
