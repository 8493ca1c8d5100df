// The register of systems: filing, assessments, cryptography, controls that are claimed.
import { bigint, jsonb, pgTable, text } from 'drizzle-orm/pg-core'

export const postureRegister = pgTable('posture_register', {
  /** Id or name in the inventory. */
  entity: text('entity').primaryKey(),
  facts: jsonb('facts').$type<Record<string, unknown>>().notNull(),
  by: text('by').notNull(),
  changedMs: bigint('changed_ms', { mode: 'number' }).notNull(),
})
