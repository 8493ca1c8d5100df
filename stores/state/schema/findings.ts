// What rules and detectors saw, behind the alerts: one row for an alert and a minute, so that what is seen a thousand
// times a second is kept once a minute, with its count. Times are milliseconds since the epoch.
import { bigint, bigserial, index, jsonb, pgTable, text, uniqueIndex } from 'drizzle-orm/pg-core'
import type { Evidence, Severity } from '#core/finding.ts'
import { alerts } from './alerts.ts'

const timeMs = (name: string) => bigint(name, { mode: 'number' })
const texts = (name: string) => jsonb(name).$type<string[]>().notNull()

export const findings = pgTable(
  'findings',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    alertId: text('alert_id')
      .notNull()
      .references(() => alerts.id, { onDelete: 'cascade' }),
    /** By the finding's own time. */
    minuteMs: timeMs('minute_ms').notNull(),
    /** Kind of what saw it: the part of `rule` before the slash. */
    source: text('source').notNull(),
    rule: text('rule').notNull(),
    /** As people call the rule. */
    ruleName: text('rule_name').notNull(),
    title: text('title').notNull(),
    description: text('description').notNull(),
    severity: text('severity').$type<Severity>().notNull(),
    annotations: jsonb('annotations').$type<Record<string, string>>().notNull(),
    tactics: texts('tactics'),
    techniques: texts('techniques'),
    entities: texts('entities'),
    evidence: jsonb('evidence').$type<Evidence>().notNull(),
    /** In this minute. */
    count: bigint('count', { mode: 'number' }).notNull(),
    firstMs: timeMs('first_ms').notNull(),
    lastMs: timeMs('last_ms').notNull(),
  },
  (table) => [
    uniqueIndex('findings_alert_minute').on(table.alertId, table.minuteMs),
    index('findings_minute').on(table.minuteMs, table.id),
    index('findings_entities').using('gin', table.entities),
  ],
)
