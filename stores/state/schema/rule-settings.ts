// What people decided about rules: switched off, and why. A rule without a row is as its file says.
import { bigint, boolean, pgTable, text } from 'drizzle-orm/pg-core'

export const ruleSettings = pgTable('rule_settings', {
  /** `<kind>/<id>`, as in findings. */
  rule: text('rule').primaryKey(),
  enabled: boolean('enabled').notNull(),
  note: text('note').notNull(),
  by: text('by').notNull(),
  changedMs: bigint('changed_ms', { mode: 'number' }).notNull(),
})
