// What the checks found, by run: flags that stay the same while they are found again, and the facts that grades stand on.
import { bigint, bigserial, doublePrecision, index, jsonb, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'

const ms = (name: string) => bigint(name, { mode: 'number' })

export const kpiFlags = pgTable(
  'kpi_flags',
  {
    id: text('id').primaryKey(),
    check: text('check').notNull(),
    rule: text('rule').notNull(),
    unit: text('unit').notNull(),
    region: text('region').notNull(),
    period: text('period').notNull(),
    state: text('state').$type<'open' | 'cleared'>().notNull(),
    resolution: text('resolution').$type<'explained' | 'corrected' | 'confirmed'>(),
    pValue: doublePrecision('p_value'),
    qValue: doublePrecision('q_value'),
    firstSeenMs: ms('first_seen_ms').notNull(),
    lastSeenMs: ms('last_seen_ms').notNull(),
    /** The rest of the finding. */
    body: jsonb('body').$type<Record<string, unknown>>().notNull(),
  },
  (table) => [
    index('kpi_flags_unit').on(table.unit, table.period),
    index('kpi_flags_state').on(table.state, table.lastSeenMs),
  ],
)

export const kpiIntegrityRuns = pgTable(
  'kpi_integrity_runs',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    period: text('period').notNull(),
    startedMs: ms('started_ms').notNull(),
    endedMs: ms('ended_ms').notNull(),
    /** Cases, units, tests, discoveries, rate, method, outages that were left out. */
    body: jsonb('body').$type<Record<string, unknown>>().notNull(),
  },
  (table) => [index('kpi_integrity_runs_period').on(table.period, table.endedMs)],
)

/** The last run's facts of each unit and period: what its grade is worked out from. */
export const kpiUnitFacts = pgTable(
  'kpi_unit_facts',
  {
    unit: text('unit').notNull(),
    period: text('period').notNull(),
    region: text('region').notNull(),
    body: jsonb('body').$type<Record<string, unknown>>().notNull(),
  },
  (table) => [primaryKey({ columns: [table.unit, table.period] })],
)

/** Where every unit stood in the funnel of a rule: the last run's, one row per rule. */
export const kpiFunnels = pgTable(
  'kpi_funnels',
  {
    period: text('period').notNull(),
    rule: text('rule').notNull(),
    spread: doublePrecision('spread').notNull(),
    /** unit, count, seen, expected, p, q */
    points: jsonb('points').$type<[string, number, number, number, number, number][]>().notNull(),
  },
  (table) => [primaryKey({ columns: [table.period, table.rule] })],
)

/** Cases that others named and nobody had reported when a day of events was looked at. */
export const kpiForeignTraces = pgTable(
  'kpi_foreign_traces',
  {
    caseId: text('case_id').notNull(),
    kind: text('kind').notNull(),
    /** Empty: the sensor does not know it. */
    unit: text('unit').notNull(),
    atMs: ms('at_ms').notNull(),
  },
  (table) => [primaryKey({ columns: [table.caseId, table.kind] }), index('kpi_foreign_traces_at').on(table.atMs)],
)

/** Days whose traces were taken into their files to the end (`stores/traces`), by the sources asked. */
export const kpiTraceDays = pgTable(
  'kpi_trace_days',
  {
    sources: text('sources').notNull(),
    /** Since 1970-01-01, UTC. */
    day: bigint('day', { mode: 'number' }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.sources, table.day] })],
)

/** Days of events that were looked at for them, by the sources asked. */
export const kpiForeignDays = pgTable(
  'kpi_foreign_days',
  {
    sources: text('sources').notNull(),
    /** Since 1970-01-01, UTC. */
    day: bigint('day', { mode: 'number' }).notNull(),
    named: bigint('named', { mode: 'number' }).notNull(),
    unreported: bigint('unreported', { mode: 'number' }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.sources, table.day] })],
)
