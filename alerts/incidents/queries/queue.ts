// The queue: what waits, most pressing first. Hours that run by law come before severity, severity before score.
import { and, desc, eq, gt, inArray, isNull, lte, ne, or, type SQL, sql } from 'drizzle-orm'
import { severities } from '#core/finding.ts'
import type { Jurisdiction } from '#core/jurisdiction.ts'
import { incidentReports, incidentStories, incidents } from '#stores/state/schema/incident-work.ts'
import type { Database } from '#stores/state/state.ts'
import { aboutPlace } from '../../queries/place.ts'
import { type DutyClock, dutyClocks, isRunning } from '../duty-clock.ts'
import type { Grade, IncidentRow } from '../model.ts'
import type { Rulebook } from '../rulebook/rulebook.ts'
import { knownEntities, proposalOf } from './hit.ts'

export const queueViews = ['open', 'new', 'mine', 'snoozed', 'closed'] as const
export type QueueView = (typeof queueViews)[number]

export interface QueueQuery {
  view: QueueView
  /** Whose are `mine`. */
  me: string
  q?: string | undefined
  within: Jurisdiction
  nowMs: number
  limit: number
}

export interface QueueRow {
  incident: IncidentRow
  /** Keys of its stories: links of the correlation lead here. */
  keys: string[]
  isGrowing: boolean
  proposed: Grade
  clocks: DutyClock[]
}

export interface Queue {
  rows: QueueRow[]
  counts: Record<QueueView, number>
}

/** So many are looked at; beyond them the oldest closed ones are not listed. */
const rowsMax = 1000

export async function readQueue(database: Database, rulebook: Rulebook, query: QueueQuery): Promise<Queue> {
  const mine = and(aboutPlace(query.within, incidents.entities), wordsIn(query.q ?? ''))
  const [rows, counts] = await Promise.all([
    database
      .select()
      .from(incidents)
      .where(and(viewOf(query.view, query), mine))
      .orderBy(desc(query.view === 'closed' ? incidents.closedMs : incidents.openedMs))
      .limit(rowsMax),
    countViews(database, query, mine),
  ])
  const queue = await completed(database, rulebook, rows, query.nowMs)
  if (query.view !== 'closed') queue.sort(pressing)
  return { rows: queue.slice(0, query.limit), counts }
}

/** Rows with what is worked out about them. */
export async function completed(
  database: Database,
  rulebook: Rulebook,
  rows: readonly IncidentRow[],
  nowMs: number,
): Promise<QueueRow[]> {
  if (rows.length === 0) return []
  const ids = rows.map(({ id }) => id)
  const [known, stories, reports] = await Promise.all([
    knownEntities(
      database,
      rows.flatMap(({ entities }) => entities),
    ),
    database
      .select({ id: incidentStories.incidentId, key: incidentStories.key, over: incidentStories.over })
      .from(incidentStories)
      .where(inArray(incidentStories.incidentId, ids)),
    database
      .select({ id: incidentReports.incidentId, kind: incidentReports.kind, filedMs: incidentReports.filedMs })
      .from(incidentReports)
      .where(inArray(incidentReports.incidentId, ids)),
  ])
  const storiesOf = Map.groupBy(stories, ({ id }) => id)
  const reportsOf = Map.groupBy(reports, ({ id }) => id)
  return rows.map((incident) => {
    const own = storiesOf.get(incident.id) ?? []
    const proposed = proposalOf(rulebook, incident, known).grade
    return {
      ...{ incident, proposed, keys: own.map(({ key }) => key), isGrowing: own.some(({ over }) => !over) },
      clocks: dutyClocks(rulebook.reporting, incident, proposed, reportsOf.get(incident.id) ?? [], nowMs),
    }
  })
}

export function pressing(a: QueueRow, b: QueueRow): number {
  return (
    dueOf(a) - dueOf(b) ||
    severities.indexOf(b.incident.severity) - severities.indexOf(a.incident.severity) ||
    b.incident.score - a.incident.score ||
    a.incident.openedMs - b.incident.openedMs ||
    a.incident.number - b.incident.number
  )
}

/** When the next of its hours ends; never is last. A number, so that the difference of two is one as well. */
function dueOf({ clocks }: QueueRow): number {
  return Math.min(Number.MAX_SAFE_INTEGER, ...clocks.filter(isRunning).flatMap(({ dueMs }) => dueMs ?? []))
}

function viewOf(view: QueueView, { me, nowMs }: Pick<QueueQuery, 'me' | 'nowMs'>): SQL | undefined {
  const open = ne(incidents.state, 'closed')
  const awake = or(isNull(incidents.snoozedUntilMs), lte(incidents.snoozedUntilMs, nowMs))
  const views: Record<QueueView, SQL | undefined> = {
    open: and(open, awake),
    new: and(eq(incidents.state, 'new'), awake),
    mine: and(open, eq(incidents.owner, me)),
    snoozed: and(open, gt(incidents.snoozedUntilMs, nowMs)),
    closed: and(eq(incidents.state, 'closed'), isNull(incidents.mergedInto)),
  }
  return views[view]
}

async function countViews(
  database: Database,
  query: Pick<QueueQuery, 'me' | 'nowMs'>,
  mine: SQL | undefined,
): Promise<Record<QueueView, number>> {
  const counted = Object.fromEntries(
    queueViews.map((view) => [view, sql<number>`count(*) filter (where ${viewOf(view, query)})`.mapWith(Number)]),
  ) as Record<QueueView, SQL<number>>
  const [row] = await database.select(counted).from(incidents).where(mine)
  return row as Record<QueueView, number>
}

const wordsMax = 10

function wordsIn(text: string): SQL | undefined {
  const words = text.toWellFormed().replaceAll('\0', ' ').split(/\s+/).filter(Boolean).slice(0, wordsMax)
  return and(
    ...words.map((word) => {
      const pattern = `%${word.replace(/[\\%_]/g, '\\$&')}%`
      return or(
        sql`${incidents.title}::text ilike ${pattern}`,
        sql`${incidents.entities}::text ilike ${pattern}`,
        sql`${incidents.owner} ilike ${pattern}`,
        sql`'#' || ${incidents.number} = ${word}`,
      )
    }),
  )
}
