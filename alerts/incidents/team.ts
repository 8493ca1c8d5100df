// How the team does, from what is on record: for the page, and as series of our own.
import { and, gte, isNotNull, isNull, ne, or, sql } from 'drizzle-orm'
import { Gauge, type Registry } from 'prom-client'
import type { Jurisdiction } from '#core/jurisdiction.ts'
import { incidentReports, incidents } from '#stores/state/schema/incident-work.ts'
import type { Database } from '#stores/state/state.ts'
import { aboutPlace } from '../queries/place.ts'

export interface TeamFigures {
  /** The figures are about incidents opened in the last so many days. */
  days: number
  opened: number
  closed: number
  open: number
  /** Medians and means, in ms; null when there is nothing to count. */
  acknowledgeMs: Spread
  containMs: Spread
  recoverMs: Spread
  reports: { filed: number; inTime: number }
  reopened: number
  falsePositives: number
  /** Age of the oldest that nobody has looked at; null when there is none. */
  oldestNewMs: number | null
}

export interface Spread {
  count: number
  meanMs: number | null
  medianMs: number | null
}

const dayMs = 86_400_000

export async function teamFigures(
  database: Database,
  nowMs: number,
  days: number,
  within: Jurisdiction,
): Promise<TeamFigures> {
  const sinceMs = nowMs - days * dayMs
  const place = aboutPlace(within, incidents.entities)
  // What was merged into another is that other's.
  const own = and(isNull(incidents.mergedInto), gte(incidents.openedMs, sinceMs), place)
  const real = sql`(${incidents.disposition} is null or ${incidents.disposition} = 'real')`
  const [[row], [reported], [waiting]] = await Promise.all([
    database
      .select({
        opened: number(sql`count(*)`),
        closed: number(sql`count(*) filter (where ${incidents.state} = 'closed')`),
        ...spread('acknowledge', sql`${incidents.triagedMs} - ${incidents.openedMs}`, sql`true`),
        ...spread('contain', sql`${incidents.containedMs} - ${incidents.openedMs}`, real),
        ...spread('recover', sql`${incidents.recoveredMs} - ${incidents.openedMs}`, real),
        reopened: number(sql`count(*) filter (where ${incidents.reopenedCount} > 0)`),
        falsePositives: number(sql`count(*) filter (where ${incidents.disposition} = 'false-positive')`),
      })
      .from(incidents)
      .where(own),
    database
      .select({
        filed: number(sql`count(*)`),
        inTime: number(sql`count(*) filter (where ${incidentReports.filedMs} <= ${incidentReports.dueMs})`),
      })
      .from(incidentReports)
      .innerJoin(incidents, sql`${incidents.id} = ${incidentReports.incidentId}`)
      .where(and(isNotNull(incidentReports.dueMs), gte(incidentReports.filedMs, sinceMs), place)),
    database
      .select({
        open: number(sql`count(*)`),
        oldestMs: sql<string | null>`min(${incidents.openedMs}) filter (where ${incidents.state} = 'new')`,
      })
      .from(incidents)
      .where(and(ne(incidents.state, 'closed'), or(isNull(incidents.mergedInto)), place)),
  ])
  const one = row as Record<string, number | string | null>
  const read = (name: string): Spread => ({
    count: Number(one[`${name}Count`]),
    meanMs: one[`${name}Mean`] === null ? null : Number(one[`${name}Mean`]),
    medianMs: one[`${name}Median`] === null ? null : Number(one[`${name}Median`]),
  })
  return {
    ...{ days, opened: Number(one['opened']), closed: Number(one['closed']), open: waiting!.open },
    ...{ acknowledgeMs: read('acknowledge'), containMs: read('contain'), recoverMs: read('recover') },
    reports: { filed: reported!.filed, inTime: reported!.inTime },
    ...{ reopened: Number(one['reopened']), falsePositives: Number(one['falsePositives']) },
    oldestNewMs: waiting!.oldestMs === null ? null : nowMs - Number(waiting!.oldestMs),
  }
}

function number(value: ReturnType<typeof sql>) {
  return sql<number>`${value}`.mapWith(Number)
}

function spread(name: string, lasted: ReturnType<typeof sql>, which: ReturnType<typeof sql>) {
  const counted = sql`filter (where ${lasted} is not null and ${which})`
  return {
    [`${name}Count`]: sql<string>`count(*) ${counted}`,
    [`${name}Mean`]: sql<string | null>`avg(${lasted}) ${counted}`,
    [`${name}Median`]: sql<string | null>`percentile_cont(0.5) within group (order by ${lasted}) ${counted}`,
  }
}

/** @returns sets them */
export function createTeamSeries(registry: Registry): (figures: TeamFigures) => void {
  const registers = [registry]
  const gauge = (name: string, help: string): Gauge => new Gauge({ name: `guanlan_incidents_${name}`, help, registers })
  const open = gauge('open', 'Incidents that are not closed')
  const oldest = gauge(
    'oldest_new_seconds',
    'Age of the oldest incident that nobody has looked at; 0 when there is none',
  )
  const days = 'over incidents opened in the last 30 days'
  const timed = new Gauge({
    name: 'guanlan_incidents_mean_seconds',
    help: `Mean time from opening to a step (acknowledge, contain, recover), ${days}`,
    labelNames: ['step'],
    registers,
  })
  const filed = gauge('reports_filed', 'Reports with an hour set that were filed in the last 30 days')
  const inTime = gauge('reports_in_time', 'Of those, filed in time')
  const reopened = gauge('reopened_ratio', `Share that was opened again, ${days}`)
  return (figures) => {
    open.set(figures.open)
    oldest.set((figures.oldestNewMs ?? 0) / 1000)
    const steps = { acknowledge: figures.acknowledgeMs, contain: figures.containMs, recover: figures.recoverMs }
    for (const [step, { meanMs }] of Object.entries(steps))
      if (meanMs === null) timed.remove({ step })
      else timed.set({ step }, meanMs / 1000)
    filed.set(figures.reports.filed)
    inTime.set(figures.reports.inTime)
    reopened.set(figures.opened === 0 ? 0 : figures.reopened / figures.opened)
  }
}
