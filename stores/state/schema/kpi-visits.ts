// What visitors found who only pretended to apply (暗访). The database refuses to change a row (see the migration): a
// correction is another row of the same visit, and the last one counts.
import { bigint, bigserial, boolean, index, pgTable, text } from 'drizzle-orm/pg-core'

export const kpiVisits = pgTable(
  'kpi_visits',
  {
    serial: bigserial('serial', { mode: 'number' }).primaryKey(),
    /** The visitors' own number. */
    visit: text('visit').notNull(),
    atMs: bigint('at_ms', { mode: 'number' }).notNull(),
    region: text('region').notNull(),
    department: text('department').notNull(),
    item: text('item').notNull(),
    /** The indicator whose statement was tried; empty: the service as a whole. */
    kpi: text('kpi').notNull(),
    asReported: boolean('as_reported').notNull(),
    visitor: text('visitor').notNull(),
    note: text('note').notNull(),
    importedBy: text('imported_by').notNull(),
    importedMs: bigint('imported_ms', { mode: 'number' }).notNull(),
  },
  (table) => [index('kpi_visits_visit').on(table.visit, table.serial)],
)
