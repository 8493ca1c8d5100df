// The inventory: what telemetry speaks of.
import { bigint, integer, jsonb, pgTable, text } from 'drizzle-orm/pg-core'
import type { Criticality, EntityKind } from '#core/entity.ts'

export const entities = pgTable('entities', {
  id: text('id').primaryKey(),
  kind: text('kind').$type<EntityKind>().notNull(),
  name: text('name').notNull(),
  aliases: jsonb('aliases').$type<string[]>().notNull(),
  region: text('region').notNull(),
  department: text('department').notNull(),
  owner: text('owner').notNull(),
  criticality: text('criticality').$type<Criticality>().notNull(),
  protectionLevel: integer('protection_level').notNull(),
  updatedMs: bigint('updated_ms', { mode: 'number' }).notNull(),
})
