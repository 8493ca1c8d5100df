// Questions to departments, their appeals, tasks from red cells, and releases of a period. Each has a state of now and a
// history that the database lets nobody change (see the migration).
import { sql } from 'drizzle-orm'
import { bigint, bigserial, customType, index, integer, jsonb, pgTable, text } from 'drizzle-orm/pg-core'

const timeMs = (name: string) => bigint(name, { mode: 'number' })
const bytea = customType<{ data: Buffer }>({ dataType: () => 'bytea' })

export const kpiQuestions = pgTable(
  'kpi_questions',
  {
    id: text('id').primaryKey(),
    kind: text('kind').$type<'question' | 'appeal' | 'task'>().notNull(),
    state: text('state').$type<'open' | 'replied' | 'settled' | 'withdrawn'>().notNull(),
    verdict: text('verdict').$type<'explained' | 'corrected' | 'confirmed' | 'upheld' | 'dismissed' | 'cleared'>(),
    /** Empty: every figure of the unit in this period. */
    kpi: text('kpi').notNull(),
    period: text('period').notNull(),
    dimensions: jsonb('dimensions').$type<Record<string, string>>().notNull(),
    region: text('region').notNull(),
    department: text('department').notNull(),
    title: text('title').notNull(),
    /** Of the integrity checks. */
    flags: jsonb('flags').$type<string[]>().notNull(),
    /** Who is to act, in the department's own words; of tasks. */
    owner: text('owner').notNull(),
    raisedBy: text('raised_by').notNull(),
    raisedMs: timeMs('raised_ms').notNull(),
    /** Days since 1970, China's; the last day on which it is in time. */
    deadlineDay: integer('deadline_day').notNull(),
    deadlineMs: timeMs('deadline_ms').notNull(),
    calendarVersion: text('calendar_version').notNull(),
    escalatedMs: timeMs('escalated_ms'),
    settledBy: text('settled_by'),
    settledMs: timeMs('settled_ms'),
    /** Of tasks: the last period that was looked at again. */
    checkedPeriod: text('checked_period'),
  },
  (table) => [
    index('kpi_questions_open').on(table.deadlineMs).where(sql`${table.state} in ('open', 'replied')`),
    index('kpi_questions_unit').on(table.department, table.period),
  ],
)

export const kpiQuestionEntries = pgTable(
  'kpi_question_entries',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    question: text('question')
      .notNull()
      .references(() => kpiQuestions.id),
    atMs: timeMs('at_ms').notNull(),
    kind: text('kind').$type<'raised' | 'replied' | 'settled' | 'withdrawn' | 'escalated' | 'rechecked'>().notNull(),
    actor: text('actor').notNull(),
    text: text('text').notNull(),
    body: jsonb('body').$type<Record<string, unknown>>().notNull(),
  },
  (table) => [index('kpi_question_entries_question').on(table.question, table.id)],
)

export const kpiAttachments = pgTable(
  'kpi_attachments',
  {
    id: text('id').primaryKey(),
    question: text('question')
      .notNull()
      .references(() => kpiQuestions.id),
    entry: bigint('entry', { mode: 'number' }).notNull(),
    name: text('name').notNull(),
    type: text('type').notNull(),
    bytes: integer('bytes').notNull(),
    /** Hex SM3 of the content. */
    hash: text('hash').notNull(),
    content: bytea('content').notNull(),
    addedBy: text('added_by').notNull(),
  },
  (table) => [index('kpi_attachments_question').on(table.question)],
)

export const kpiReleases = pgTable('kpi_releases', {
  period: text('period').primaryKey(),
  state: text('state').$type<'draft' | 'frozen' | 'published'>().notNull(),
  openedBy: text('opened_by').notNull(),
  openedMs: timeMs('opened_ms').notNull(),
  appealDay: integer('appeal_day').notNull(),
  appealUntilMs: timeMs('appeal_until_ms').notNull(),
  frozenBy: text('frozen_by'),
  frozenMs: timeMs('frozen_ms'),
  /** As they were frozen; nothing changes them afterwards. */
  figures: jsonb('figures').$type<Record<string, unknown>[]>(),
  hash: text('hash'),
  signedBy: text('signed_by'),
  signedMs: timeMs('signed_ms'),
  leafIndex: bigint('leaf_index', { mode: 'number' }),
})
