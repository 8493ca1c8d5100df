import { and, asc, desc, eq, lt } from 'drizzle-orm'
import { CodedError } from '#core/errors.ts'
import type { Evidence } from '#core/finding.ts'
import { alertHistory, alerts } from '#stores/state/schema/alerts.ts'
import type { Database } from '#stores/state/state.ts'
import type { Alert, AlertHistoryRow } from '../alert.ts'
import { alertOfRow } from '../lifecycle/tables.ts'
import { type Current, latest } from './list.ts'

export interface AlertDetail extends Alert {
  evidence: Evidence
  /** Oldest first. */
  history: AlertHistoryRow[]
  /** Newest first. */
  earlierEpisodes: { id: string; startedMs: number; resolvedMs: number | null }[]
}

const historyRowsMax = 1000
const episodesMax = 50

/** @throws CodedError `not-found` */
export async function alertDetail(database: Database, current: Current, id: string): Promise<AlertDetail> {
  const [row] = await database.select().from(alerts).where(eq(alerts.id, id))
  if (!row) throw new CodedError('not-found', { what: `The alert ${id.slice(0, 64)}` })
  const [history, earlierEpisodes] = await Promise.all([
    database
      .select({ atMs: alertHistory.atMs, kind: alertHistory.kind, actor: alertHistory.actor, text: alertHistory.text })
      .from(alertHistory)
      .where(eq(alertHistory.alertId, id))
      .orderBy(asc(alertHistory.id))
      .limit(historyRowsMax),
    database
      .select({ id: alerts.id, startedMs: alerts.startedMs, resolvedMs: alerts.resolvedMs })
      .from(alerts)
      .where(and(eq(alerts.fingerprint, row.fingerprint), lt(alerts.episode, row.episode)))
      .orderBy(desc(alerts.episode))
      .limit(episodesMax),
  ])
  const evidence = current(id)?.evidence ?? row.evidence
  return { ...latest(alertOfRow(row), current), evidence, history, earlierEpisodes }
}
