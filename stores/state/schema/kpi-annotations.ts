// What people write beside figures: an event, a holiday, a disaster, another system, another definition. The database
// refuses to change a row (see the migration): taking a note back is a row of its own.
import { bigint, bigserial, index, integer, jsonb, pgTable, text } from 'drizzle-orm/pg-core'

export interface AnnotationBody {
  kind: 'event' | 'holiday' | 'disaster' | 'system-change' | 'definition-change'
  /** Empty: every indicator. */
  kpi: string
  /** GB/T 2260, what is below it included; empty: everywhere. */
  region: string
  /** Empty: every department. */
  department: string
  text: string
}

export const kpiAnnotations = pgTable(
  'kpi_annotations',
  {
    serial: bigserial('serial', { mode: 'number' }).primaryKey(),
    annotation: text('annotation').notNull(),
    verb: text('verb').$type<'written' | 'taken-back'>().notNull(),
    /** Days since 1970-01-01, both included. */
    fromDay: integer('from_day').notNull(),
    toDay: integer('to_day').notNull(),
    body: jsonb('body').$type<AnnotationBody>().notNull(),
    /** Why it was taken back; empty for what stands. */
    reason: text('reason').notNull(),
    actor: text('actor').notNull(),
    atMs: bigint('at_ms', { mode: 'number' }).notNull(),
  },
  (table) => [index('kpi_annotations_annotation').on(table.annotation, table.serial)],
)
