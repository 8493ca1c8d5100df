// Issues of briefs (期): what was given out under which number, byte by byte, and to whom it went. Times are milliseconds
// since the epoch.
import { bigint, customType, index, integer, jsonb, pgTable, primaryKey, text, uniqueIndex } from 'drizzle-orm/pg-core'

const timeMs = (name: string) => bigint(name, { mode: 'number' })
const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' })

/** Since when a brief is set up: what was due before is not made up for. Its row is locked while an issue is numbered. */
export const kpiBriefSeries = pgTable('kpi_brief_series', {
  name: text('name').primaryKey(),
  sinceMs: timeMs('since_ms').notNull(),
})

export const kpiBriefIssues = pgTable(
  'kpi_brief_issues',
  {
    /** `weekly/2026-W41` */
    id: text('id').primaryKey(),
    series: text('series').notNull(),
    period: text('period').notNull(),
    state: text('state').$type<'issued' | 'failed' | 'missed'>().notNull(),
    /** Why it was not issued. */
    cause: text('cause').notNull(),
    dueMs: timeMs('due_ms').notNull(),
    /** When it was made, or last tried. */
    madeMs: timeMs('made_ms').notNull(),
    madeBy: text('made_by').notNull(),
    title: text('title').notNull(),
    regions: jsonb('regions').$type<string[]>().notNull(),
    departments: jsonb('departments').$type<string[]>().notNull(),
    /** What it says in a few lines, for messages; empty unless it was issued. */
    summary: jsonb('summary').$type<string[]>().notNull(),
    /** The year in which it is numbered; null unless it was issued, as are all that follow. */
    year: integer('year'),
    issue: integer('issue'),
    total: integer('total'),
    asOfMs: timeMs('as_of_ms'),
    knownMs: timeMs('known_ms'),
    checkpoint: jsonb('checkpoint').$type<{ origin: string; size: number; root: string; note: string }>(),
    /** SM3 over the hashes of its files; a leaf of the ledger says the same. */
    hash: text('hash'),
    leafIndex: bigint('leaf_index', { mode: 'number' }),
  },
  (table) => [
    uniqueIndex('kpi_brief_issues_period').on(table.series, table.period),
    uniqueIndex('kpi_brief_issues_total').on(table.series, table.total),
    uniqueIndex('kpi_brief_issues_issue').on(table.series, table.year, table.issue),
  ],
)

/** The database refuses to change a row (see the migration). */
export const kpiBriefFiles = pgTable(
  'kpi_brief_files',
  {
    issue: text('issue')
      .notNull()
      .references(() => kpiBriefIssues.id),
    format: text('format').notNull(),
    name: text('name').notNull(),
    bytes: integer('bytes').notNull(),
    /** Hex SM3 of the content. */
    hash: text('hash').notNull(),
    content: bytea('content').notNull(),
  },
  (table) => [primaryKey({ columns: [table.issue, table.format] })],
)

/** Each is tried so that it is never sent twice: an attempt is written down before it is made. */
export const kpiBriefDeliveries = pgTable(
  'kpi_brief_deliveries',
  {
    /** Sent along where the channel can carry it. */
    id: text('id').primaryKey(),
    issue: text('issue')
      .notNull()
      .references(() => kpiBriefIssues.id),
    receiver: text('receiver').notNull(),
    part: text('part').$type<'message' | 'image'>().notNull(),
    /** 1; more when somebody had it sent again. */
    round: integer('round').notNull(),
    /** `sending`: an attempt is under way; `uncertain`: nobody knows whether it arrived, and it is not sent again by itself. */
    state: text('state').$type<'pending' | 'sending' | 'delivered' | 'failed' | 'uncertain'>().notNull(),
    attempts: integer('attempts').notNull(),
    createdMs: timeMs('created_ms').notNull(),
    nextAttemptMs: timeMs('next_attempt_ms').notNull(),
    deadlineMs: timeMs('deadline_ms').notNull(),
    /** An attempt that has not ended by then never will. */
    attemptUntilMs: timeMs('attempt_until_ms').notNull(),
    finishedMs: timeMs('finished_ms'),
    lastError: text('last_error').notNull(),
    askedBy: text('asked_by').notNull(),
  },
  (table) => [
    uniqueIndex('kpi_brief_deliveries_once').on(table.issue, table.receiver, table.part, table.round),
    index('kpi_brief_deliveries_open').on(table.state, table.nextAttemptMs),
  ],
)
