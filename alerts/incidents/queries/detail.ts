// One incident with all that people need to work on it, cut to what who asks may see.
import { and, asc, count, desc, eq, inArray, ne, or, sql } from 'drizzle-orm'
import { CodedError } from '#core/errors.ts'
import { isEverywhere, type Jurisdiction } from '#core/jurisdiction.ts'
import { alerts } from '#stores/state/schema/alerts.ts'
import {
  incidentCustody,
  incidentEvidence,
  incidentReports,
  incidentSteps,
  incidentStories,
  incidents,
  incidentTasks,
  incidentTimeline,
} from '#stores/state/schema/incident-work.ts'
import type { Database } from '#stores/state/state.ts'
import { aboutPlace } from '../../queries/place.ts'
import { type DutyClock, dutyClocks } from '../duty-clock.ts'
import { type HeldAlert, heldAlerts, storiesOf } from '../facts.ts'
import type { IncidentRow } from '../model.ts'
import { prefilled } from '../report/prefill.ts'
import { type Likeness, likely } from '../rulebook/classification.ts'
import type { Proposal } from '../rulebook/grading.ts'
import { matching, type Playbook } from '../rulebook/playbook.ts'
import type { Rulebook } from '../rulebook/rulebook.ts'
import { knownEntities, proposalOf } from './hit.ts'

export interface IncidentDetail {
  incident: IncidentRow
  keys: string[]
  isGrowing: boolean
  proposal: Proposal
  likely: Likeness[]
  clocks: DutyClock[]
  story: { atMs: number; text: { en: string; zh: string }; severity: HeldAlert['severity']; alert: string | null }[]
  alerts: HeldAlert[]
  /** Best first. */
  playbooks: Playbook[]
  steps: (typeof incidentSteps.$inferSelect)[]
  tasks: (typeof incidentTasks.$inferSelect)[]
  /** Newest first. */
  timeline: (typeof incidentTimeline.$inferSelect)[]
  evidence: (typeof incidentEvidence.$inferSelect & { custody: number })[]
  reports: (typeof incidentReports.$inferSelect)[]
  /** What was merged into it. */
  merged: { id: string; number: number }[]
  /** Others that look like part of the same. */
  similar: { id: string; number: number; version: number; title: { en: string; zh: string }; shared: string[] }[]
  /** The form as it would be filed now: what was written, and what is known. */
  form: Record<string, string>
}

const timelineMax = 1000
const similarMax = 5
const similarWithinMs = 24 * 3_600_000
/** Says nothing about where something happened. */
const nowhere = 'system:unknown'

export interface DetailDeps {
  database: Database
  rulebook: Rulebook
  organisation: string
  nowMs: number
}

/** @throws CodedError `not-found` */
export async function incidentDetail(
  { database, rulebook, organisation, nowMs }: DetailDeps,
  id: string,
  within: Jurisdiction,
): Promise<IncidentDetail> {
  const incident = await findIncident(database, id, within)
  const merged = await database
    .select({ id: incidents.id, number: incidents.number })
    .from(incidents)
    .where(eq(incidents.mergedInto, incident.id))
  const family = [incident.id, ...merged.map((one) => one.id)]
  const [stories, held, steps, tasks, timeline, evidence, reports, similar] = await Promise.all([
    storiesOf(database, incident.id),
    heldAlerts(database, incident.id),
    database.select().from(incidentSteps).where(inArray(incidentSteps.incidentId, family)),
    database
      .select()
      .from(incidentTasks)
      .where(inArray(incidentTasks.incidentId, family))
      .orderBy(asc(incidentTasks.createdMs)),
    database
      .select()
      .from(incidentTimeline)
      .where(inArray(incidentTimeline.incidentId, family))
      .orderBy(desc(incidentTimeline.id))
      .limit(timelineMax),
    database
      .select({ evidence: incidentEvidence, custody: count(incidentCustody.id) })
      .from(incidentEvidence)
      .leftJoin(incidentCustody, eq(incidentCustody.evidenceId, incidentEvidence.id))
      .where(inArray(incidentEvidence.incidentId, family))
      .groupBy(incidentEvidence.id)
      .orderBy(asc(incidentEvidence.addedMs), asc(incidentEvidence.kind)),
    database
      .select()
      .from(incidentReports)
      .where(inArray(incidentReports.incidentId, family))
      .orderBy(asc(incidentReports.filedMs)),
    similarTo(database, incident, within),
  ])
  const known = await knownEntities(database, incident.entities)
  const seen = await visible(database, held, within)
  const seenPrints = new Set(seen.map(({ fingerprint }) => fingerprint))
  const byPrint = new Map(held.map((one) => [one.fingerprint, one]))
  const whole = isEverywhere(within)
  const proposal = proposalOf(rulebook, incident, known)
  const shapes = likely(rulebook.classification, {
    ...{ tactics: incident.tactics, techniques: incident.techniques },
    texts: [incident.title.en, ...held.flatMap(({ title, rule }) => [title, rule])],
  })
  const kinds = incident.category === null ? shapes.map(({ kind }) => kind) : [incident.category]
  const fitting = matching(rulebook.playbooks, { kinds, techniques: incident.techniques, tactics: incident.tactics })
  const chosen = rulebook.playbooks.find((one) => one.id === incident.playbook)
  const shown: IncidentRow = whole
    ? incident
    : { ...incident, entities: [...new Set(seen.flatMap(({ entities }) => entities))].filter((one) => known.has(one)) }
  return {
    ...{ incident: shown, proposal, likely: shapes, steps, tasks, timeline, reports, merged, similar },
    keys: stories.map(({ key }) => key),
    isGrowing: stories.some(({ over }) => !over),
    clocks: dutyClocks(rulebook.reporting, incident, proposal.grade, reports, nowMs),
    story: stories
      .flatMap(({ draft, fingerprints }) =>
        draft.en.story.flatMap((chapter, i) => {
          const isOurs = chapter.alert === null || fingerprints.has(chapter.alert)
          if (!isOurs || (!whole && !(chapter.alert !== null && seenPrints.has(chapter.alert)))) return []
          const alert = byPrint.get(chapter.alert ?? '')
          const text = (given: string, title: 'title' | 'titleZh') =>
            alert ? given.replace(alert.rule, () => alert[title]) : given
          const zh = text(draft.zh.story[i]?.text ?? chapter.text, 'titleZh')
          return [{ ...chapter, text: { en: text(chapter.text, 'title'), zh } }]
        }),
      )
      .sort((a, b) => a.atMs - b.atMs),
    alerts: seen,
    playbooks: chosen ? [chosen, ...fitting.filter((one) => one !== chosen)] : fitting,
    evidence: evidence.map((row) => ({ ...row.evidence, custody: row.custody })),
    form: prefilled(
      { incident: shown, known, alerts: seen, steps, evidence: evidence.map((row) => row.evidence) },
      { rulebook, organisation },
    ),
  }
}

/** By id, or by the key of one of its stories. @throws CodedError `not-found` */
export async function findIncident(database: Database, id: string, within: Jurisdiction): Promise<IncidentRow> {
  const rows = await database
    .select()
    .from(incidents)
    .where(
      and(
        or(eq(incidents.id, id), sql`${incidents.id} = (select incident_id from ${incidentStories} where key = ${id})`),
        aboutPlace(within, incidents.entities),
      ),
    )
  if (!rows[0]) throw new CodedError('not-found', { what: `The incident ${id.slice(0, 64)}` })
  return rows[0]
}

/** Alerts that are about something within. */
async function visible(database: Database, held: readonly HeldAlert[], within: Jurisdiction): Promise<HeldAlert[]> {
  if (isEverywhere(within) || held.length === 0) return [...held]
  const rows = await database
    .select({ id: alerts.id })
    .from(alerts)
    .where(
      and(
        inArray(
          alerts.id,
          held.map(({ id }) => id),
        ),
        aboutPlace(within),
      ),
    )
  const ids = new Set(rows.map(({ id }) => id))
  return held.filter(({ id }) => ids.has(id))
}

/** Open ones that share an entity and are close in time. */
async function similarTo(
  database: Database,
  incident: IncidentRow,
  within: Jurisdiction,
): Promise<IncidentDetail['similar']> {
  const places = incident.entities.filter((one) => one !== nowhere).slice(0, 100)
  if (incident.state === 'closed' || places.length === 0) return []
  const rows = await database
    .select()
    .from(incidents)
    .where(
      and(
        ne(incidents.id, incident.id),
        ne(incidents.state, 'closed'),
        or(...places.map((place) => sql`${incidents.entities} ? ${place}`)),
        sql`${incidents.lastMs} >= ${incident.startedMs - similarWithinMs}`,
        sql`${incidents.startedMs} <= ${incident.lastMs + similarWithinMs}`,
        aboutPlace(within, incidents.entities),
      ),
    )
    .orderBy(desc(incidents.score))
    .limit(similarMax)
  return rows.map(({ id, number, version, title, entities }) => ({
    ...{ id, number, version, title },
    shared: entities.filter((one) => places.includes(one)),
  }))
}
