// What departments say they have sent. The database refuses to change a row (see the migration): a correction is another.
import { bigint, bigserial, index, pgTable, text } from 'drizzle-orm/pg-core'

export const kpiDeclaredCounts = pgTable(
  'kpi_declared_counts',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    region: text('region').notNull(),
    department: text('department').notNull(),
    /** `2026-10`. */
    month: text('month').notNull(),
    cohort: text('cohort').$type<'opened' | 'closed'>().notNull(),
    count: bigint('count', { mode: 'number' }).notNull(),
    note: text('note').notNull(),
    declaredBy: text('declared_by').notNull(),
    declaredMs: bigint('declared_ms', { mode: 'number' }).notNull(),
  },
  (table) => [index('kpi_declared_counts_unit').on(table.department, table.month)],
)
