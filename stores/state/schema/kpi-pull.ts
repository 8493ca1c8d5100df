// Where the reading of each department's database stands. The cases are in the case store; a position is written only
// after they are, so what a crash leaves is read again and found to be there.
import { sql } from 'drizzle-orm'
import { bigint, bigserial, index, integer, jsonb, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'

const timeMs = (name: string) => bigint(name, { mode: 'number' })
const count = (name: string) => bigint(name, { mode: 'number' }).notNull().default(0)

export const kpiPullSources = pgTable('kpi_pull_sources', {
  id: text('id').primaryKey(),
  /** Of the last row that was taken; null before the first. */
  updated: text('updated'),
  cursorId: text('cursor_id'),
  /** Type of each column that is read, as it was first seen. */
  types: jsonb('types').$type<Record<string, string>>().notNull().default(sql`'{}'::jsonb`),
  state: text('state').$type<'new' | 'ok' | 'failed'>().notNull().default('new'),
  errorCode: text('error_code'),
  errorMessage: text('error_message'),
  errorHint: text('error_hint'),
  failures: integer('failures').notNull().default(0),
  failedSinceMs: timeMs('failed_since_ms'),
  lastRunMs: timeMs('last_run_ms'),
  lastOkMs: timeMs('last_ok_ms'),
  nextMs: timeMs('next_ms').notNull().default(0),
  /** Somebody wants it now. */
  wantedMs: timeMs('wanted_ms'),
  rows: count('rows'),
  stored: count('stored'),
  duplicates: count('duplicates'),
  late: count('late'),
  /** What a person should know that stops nothing. */
  remarks: jsonb('remarks').$type<string[]>().notNull().default(sql`'[]'::jsonb`),
})

/** One line per run, oldest dropped after a while. */
export const kpiPullRuns = pgTable(
  'kpi_pull_runs',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    source: text('source').notNull(),
    startedMs: timeMs('started_ms').notNull(),
    endedMs: timeMs('ended_ms').notNull(),
    rows: count('rows'),
    stored: count('stored'),
    duplicates: count('duplicates'),
    late: count('late'),
    setAside: count('set_aside'),
    errorCode: text('error_code'),
    errorMessage: text('error_message'),
  },
  (table) => [index('kpi_pull_runs_source').on(table.source, table.id)],
)

/** Rows that could not be taken, each once; gone when the row is taken. */
export const kpiPullSetAside = pgTable(
  'kpi_pull_set_aside',
  {
    source: text('source').notNull(),
    rowKey: text('row_key').notNull(),
    cause: text('cause').notNull(),
    hint: text('hint').notNull(),
    firstMs: timeMs('first_ms').notNull(),
    lastMs: timeMs('last_ms').notNull(),
  },
  (table) => [primaryKey({ columns: [table.source, table.rowKey] })],
)
