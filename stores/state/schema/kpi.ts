// The catalogue and restatements: proposed by one person, in force by another. Nothing published is changed afterwards.
import { bigint, bigserial, boolean, index, integer, jsonb, pgTable, serial, text } from 'drizzle-orm/pg-core'

export const kpiPublications = pgTable('kpi_publications', {
  version: serial('version').primaryKey(),
  state: text('state').$type<'proposed' | 'published' | 'refused'>().notNull(),
  note: text('note').notNull(),
  proposedBy: text('proposed_by').notNull(),
  proposedMs: bigint('proposed_ms', { mode: 'number' }).notNull(),
  decidedBy: text('decided_by'),
  decidedMs: bigint('decided_ms', { mode: 'number' }),
  counts: jsonb('counts').$type<{ added: number; changed: number; removed: number }>().notNull(),
  /** SM3 over its entries. */
  hash: text('hash').notNull(),
})

export const kpiEntries = pgTable(
  'kpi_entries',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    publication: integer('publication').notNull(),
    kind: text('kind').notNull(),
    entryId: text('entry_id').notNull(),
    validFromMs: bigint('valid_from_ms', { mode: 'number' }),
    validToMs: bigint('valid_to_ms', { mode: 'number' }),
    removed: boolean('removed').notNull(),
    body: jsonb('body').$type<Record<string, unknown>>().notNull(),
  },
  (table) => [
    index('kpi_entries_publication').on(table.publication, table.id),
    index('kpi_entries_entry').on(table.kind, table.entryId),
  ],
)

export const kpiRestatements = pgTable('kpi_restatements', {
  id: text('id').primaryKey(),
  state: text('state').$type<'proposed' | 'in-force' | 'refused'>().notNull(),
  body: jsonb('body').$type<Record<string, unknown>>().notNull(),
  proposedBy: text('proposed_by').notNull(),
  proposedMs: bigint('proposed_ms', { mode: 'number' }).notNull(),
  approvedBy: jsonb('approved_by').$type<string[]>().notNull(),
  knownMs: bigint('known_ms', { mode: 'number' }),
})
