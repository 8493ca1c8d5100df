// One finding with what it led to, and what else was seen of the same things around it.
import { and, desc, eq, gte, isNull, lte, ne, type SQL, sql } from 'drizzle-orm'
import { CodedError } from '#core/errors.ts'
import type { Evidence, Severity } from '#core/finding.ts'
import type { Jurisdiction } from '#core/jurisdiction.ts'
import { alerts } from '#stores/state/schema/alerts.ts'
import { findings } from '#stores/state/schema/findings.ts'
import { incidentAlerts, incidents } from '#stores/state/schema/incident-work.ts'
import type { Database } from '#stores/state/state.ts'
import type { AlertState } from '../alert.ts'
import type { Bilingual } from '../incidents/model.ts'
import { aboutPlace } from '../queries/place.ts'

export interface LinkedIncident {
  id: string
  number: number
  title: Bilingual
  state: string
  severity: Severity
}

export interface FindingDetail extends Omit<typeof findings.$inferSelect, 'minuteMs'> {
  evidence: Evidence
  alert: { id: string; title: string; state: AlertState; severity: Severity; startedMs: number; findingCount: number }
  incidents: LinkedIncident[]
  /** Of the same things, within an hour before and after; by time. */
  around: { id: number; title: string; annotations: Record<string, string>; severity: Severity; firstMs: number }[]
}

const aroundMs = 3_600_000
const aroundMax = 30
const incidentsMax = 20

/** @throws CodedError `not-found`, also for what the person may not see */
export async function findingDetail(database: Database, id: number, bounds: Jurisdiction): Promise<FindingDetail> {
  const [row] = await database
    .select()
    .from(findings)
    .innerJoin(alerts, eq(alerts.id, findings.alertId))
    .where(and(eq(findings.id, id), aboutPlace(bounds, findings.entities)))
  if (!row) throw new CodedError('not-found', { what: `The finding ${id}` })
  const { minuteMs, ...finding } = row.findings
  const { title, state, severity, startedMs, findingCount } = row.alerts
  const nearest = sql`abs(${findings.firstMs} - ${finding.firstMs})`
  const [linked, around] = await Promise.all([
    incidentsOf(database, row.alerts, bounds),
    finding.entities.length === 0
      ? []
      : database
          .select({
            ...{ id: findings.id, title: findings.title, annotations: findings.annotations },
            ...{ severity: findings.severity, firstMs: findings.firstMs },
          })
          .from(findings)
          .where(
            and(
              ne(findings.id, id),
              gte(findings.minuteMs, minuteMs - aroundMs),
              lte(findings.minuteMs, minuteMs + aroundMs),
              sharesAny(finding.entities),
              aboutPlace(bounds, findings.entities),
            ),
          )
          .orderBy(nearest)
          .limit(aroundMax),
  ])
  return {
    ...finding,
    alert: { id: finding.alertId, title, state, severity, startedMs, findingCount },
    incidents: linked,
    around: around.sort((a, b) => a.firstMs - b.firstMs || a.id - b.id),
  }
}

/** Of an alert: those that hold it and were going on while it did. A story from years ago is none of its. */
export async function incidentsOf(
  database: Database,
  alert: { fingerprint: string; startedMs: number; lastSeenMs: number },
  bounds: Jurisdiction,
): Promise<LinkedIncident[]> {
  return database
    .selectDistinct({
      ...{ id: incidents.id, number: incidents.number, title: incidents.title, state: incidents.state },
      severity: incidents.severity,
    })
    .from(incidentAlerts)
    .innerJoin(incidents, eq(incidents.id, incidentAlerts.incidentId))
    .where(
      and(
        eq(incidentAlerts.fingerprint, alert.fingerprint),
        isNull(incidents.mergedInto),
        lte(incidents.startedMs, alert.lastSeenMs + aroundMs),
        gte(incidents.lastMs, alert.startedMs - aroundMs),
        aboutPlace(bounds, incidents.entities),
      ),
    )
    .orderBy(desc(incidents.number))
    .limit(incidentsMax)
}

function sharesAny(entities: readonly string[]): SQL {
  return sql`${findings.entities} ?| array[${sql.join(
    entities.map((one) => sql`${one}`),
    sql`, `,
  )}]::text[]`
}
