// Incidents as people work on them. What a person did is written once: timeline, evidence, custody and reports are
// append-only by triggers (see the migration).
import { sql } from 'drizzle-orm'
import { bigint, bigserial, boolean, index, integer, jsonb, pgTable, primaryKey, text } from 'drizzle-orm/pg-core'
import type { Severity } from '#core/finding.ts'
import type { IncidentDraft } from '#core/incident.ts'
import type { Jurisdiction } from '#core/jurisdiction.ts'

const timeMs = (name: string) => bigint(name, { mode: 'number' })
const texts = (name: string) => jsonb(name).$type<string[]>().notNull()

export interface Bilingual {
  en: string
  zh: string
}

/** What a person said about how bad it is. Absent: not said. */
export interface Assessment {
  importance?: string | undefined
  loss?: string | undefined
  harm?: string | undefined
  figures: Record<string, number>
}

export const incidents = pgTable(
  'incidents',
  {
    id: text('id').primaryKey(),
    /** What people call it. */
    number: bigserial('number', { mode: 'number' }).notNull().unique(),
    kind: text('kind').$type<'security' | 'operations'>().notNull(),
    title: jsonb('title').$type<Bilingual>().notNull(),
    severity: text('severity').$type<Severity>().notNull(),
    /** A person set the severity: it no longer follows the story. */
    severitySet: boolean('severity_set').notNull().default(false),
    score: integer('score').notNull(),
    state: text('state')
      .$type<'new' | 'triaged' | 'contained' | 'eradicated' | 'recovered' | 'closed'>()
      .notNull()
      .default('new'),
    disposition: text('disposition').$type<'real' | 'false-positive' | 'harmless' | 'merged'>(),
    owner: text('owner'),
    people: texts('people').default([]),
    category: text('category'),
    grade: text('grade').$type<'extreme' | 'major' | 'larger' | 'general'>(),
    assessment: jsonb('assessment').$type<Assessment>(),
    /** Which duty to report applies. */
    operator: text('operator').notNull(),
    playbook: text('playbook'),
    entities: texts('entities'),
    tactics: texts('tactics'),
    techniques: texts('techniques'),
    rules: texts('rules'),
    alertCount: integer('alert_count').notNull(),
    cause: text('cause').notNull().default(''),
    lessons: text('lessons').notNull().default(''),
    form: jsonb('form').$type<Record<string, string>>().notNull().default({}),
    mergedInto: text('merged_into'),
    snoozedUntilMs: timeMs('snoozed_until_ms'),
    /** Counts what people did; who changes it says which version they saw. */
    version: integer('version').notNull().default(1),
    changedBy: text('changed_by').notNull(),
    changedMs: timeMs('changed_ms').notNull(),
    startedMs: timeMs('started_ms').notNull(),
    lastMs: timeMs('last_ms').notNull(),
    /** From here the hours of the duty to report run. */
    discoveredMs: timeMs('discovered_ms').notNull(),
    openedMs: timeMs('opened_ms').notNull(),
    triagedMs: timeMs('triaged_ms'),
    gradedMs: timeMs('graded_ms'),
    containedMs: timeMs('contained_ms'),
    recoveredMs: timeMs('recovered_ms'),
    closedMs: timeMs('closed_ms'),
    reopenedCount: integer('reopened_count').notNull().default(0),
  },
  (table) => [
    index('incidents_open').on(table.openedMs).where(sql`${table.state} <> 'closed'`),
    index('incidents_closed').on(table.closedMs),
  ],
)

/** A correlation's draft, or what a person began it with: an incident holds one or, when merged, several. */
export const incidentStories = pgTable(
  'incident_stories',
  {
    key: text('key').primaryKey(),
    incidentId: text('incident_id')
      .notNull()
      .references(() => incidents.id),
    draft: jsonb('draft').$type<{ en: IncidentDraft; zh: IncidentDraft }>().notNull(),
    over: boolean('over').notNull(),
  },
  (table) => [index('incident_stories_incident').on(table.incidentId)],
)

/** Which incident an alert of a story belongs to: a split moves single alerts. */
export const incidentAlerts = pgTable(
  'incident_alerts',
  {
    storyKey: text('story_key')
      .notNull()
      .references(() => incidentStories.key),
    fingerprint: text('fingerprint').notNull(),
    incidentId: text('incident_id')
      .notNull()
      .references(() => incidents.id),
    alertId: text('alert_id'),
  },
  (table) => [
    primaryKey({ columns: [table.storyKey, table.fingerprint] }),
    index('incident_alerts_incident').on(table.incidentId),
    index('incident_alerts_fingerprint').on(table.fingerprint),
  ],
)

/** Append-only. */
export const incidentTimeline = pgTable(
  'incident_timeline',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    incidentId: text('incident_id')
      .notNull()
      .references(() => incidents.id),
    atMs: timeMs('at_ms').notNull(),
    kind: text('kind').notNull(),
    actor: text('actor').notNull(),
    text: text('text').notNull(),
    detail: jsonb('detail').$type<Record<string, unknown>>().notNull(),
  },
  (table) => [index('incident_timeline_incident').on(table.incidentId, table.id)],
)

export const incidentTasks = pgTable(
  'incident_tasks',
  {
    id: text('id').primaryKey(),
    incidentId: text('incident_id')
      .notNull()
      .references(() => incidents.id),
    text: text('text').notNull(),
    assignee: text('assignee'),
    dueMs: timeMs('due_ms'),
    createdMs: timeMs('created_ms').notNull(),
    doneBy: text('done_by'),
    doneMs: timeMs('done_ms'),
  },
  (table) => [index('incident_tasks_incident').on(table.incidentId)],
)

/** Steps of a playbook that somebody ticked. */
export const incidentSteps = pgTable(
  'incident_steps',
  {
    incidentId: text('incident_id')
      .notNull()
      .references(() => incidents.id),
    playbook: text('playbook').notNull(),
    step: text('step').notNull(),
    state: text('state').$type<'done' | 'skipped'>().notNull(),
    by: text('by').notNull(),
    atMs: timeMs('at_ms').notNull(),
    note: text('note').notNull(),
  },
  (table) => [primaryKey({ columns: [table.incidentId, table.playbook, table.step] })],
)

/** Append-only. The content lies in a file named by its SHA-256. */
export const incidentEvidence = pgTable(
  'incident_evidence',
  {
    id: text('id').primaryKey(),
    incidentId: text('incident_id')
      .notNull()
      .references(() => incidents.id),
    kind: text('kind').$type<'file' | 'events' | 'alerts'>().notNull(),
    name: text('name').notNull(),
    mediaType: text('media_type').notNull(),
    bytes: bigint('bytes', { mode: 'number' }).notNull(),
    /** Records of a frozen set; null for files. */
    records: integer('records'),
    sha256: text('sha256').notNull(),
    sm3: text('sm3').notNull(),
    note: text('note').notNull(),
    addedBy: text('added_by').notNull(),
    addedMs: timeMs('added_ms').notNull(),
    /** What who froze it could see: nobody who sees less may read it. */
    bounds: jsonb('bounds').$type<Jurisdiction>().notNull(),
  },
  (table) => [index('incident_evidence_incident').on(table.incidentId)],
)

/** Append-only: who added, read, exported or checked a piece of evidence. */
export const incidentCustody = pgTable(
  'incident_custody',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    evidenceId: text('evidence_id')
      .notNull()
      .references(() => incidentEvidence.id),
    atMs: timeMs('at_ms').notNull(),
    action: text('action').$type<'added' | 'read' | 'exported' | 'damaged'>().notNull(),
    actor: text('actor').notNull(),
    address: text('address').notNull(),
    detail: text('detail').notNull(),
  },
  (table) => [index('incident_custody_evidence').on(table.evidenceId, table.id)],
)

/** Append-only: reports as they were filed. */
export const incidentReports = pgTable(
  'incident_reports',
  {
    id: text('id').primaryKey(),
    incidentId: text('incident_id')
      .notNull()
      .references(() => incidents.id),
    kind: text('kind').$type<'first' | 'follow-up' | 'final'>().notNull(),
    /** Id of the rule under which it was filed. */
    rule: text('rule').notNull(),
    operator: text('operator').notNull(),
    recipient: text('recipient').notNull(),
    channel: text('channel').notNull(),
    /** Null where no hour is set. */
    dueMs: timeMs('due_ms'),
    filedMs: timeMs('filed_ms').notNull(),
    filedBy: text('filed_by').notNull(),
    form: jsonb('form').$type<Record<string, string>>().notNull(),
    /** SM3 of the canonical JSON of the form. */
    sm3: text('sm3').notNull(),
  },
  (table) => [index('incident_reports_incident').on(table.incidentId)],
)

/** Who is on duty; without an end: now. */
export const incidentDuty = pgTable('incident_duty', {
  id: bigserial('id', { mode: 'number' }).primaryKey(),
  name: text('name').notNull(),
  fromMs: timeMs('from_ms').notNull(),
  untilMs: timeMs('until_ms'),
})
