import { and, count, desc, inArray, ne, sql } from 'drizzle-orm'
import { severities } from '#core/finding.ts'
import type { Jurisdiction } from '#core/jurisdiction.ts'
import { alerts } from '#stores/state/schema/alerts.ts'
import type { Database } from '#stores/state/state.ts'
import { type Alert, watchdogRule } from '../alert.ts'
import { alertOfRow } from '../lifecycle/tables.ts'
import { type Current, latest } from './list.ts'
import { aboutPlace } from './place.ts'

/** What the first page needs; the watchdog is never part of it. */
export interface Attention {
  firing: number
  pending: number
  unknown: number
  /** Of those firing or unknown. */
  bySeverity: Record<string, number>
  /** Firing or unknown: the gravest first, of these the newest. */
  latest: Alert[]
}

const latestMax = 10
const known = sql.join(
  severities.map((severity) => sql`${severity}`),
  sql`, `,
)
const rank = sql`array_position(array[${known}]::text[], ${alerts.severity})`

export async function attention(database: Database, current: Current, within: Jurisdiction): Promise<Attention> {
  const mine = and(ne(alerts.rule, watchdogRule), aboutPlace(within))
  const open = and(ne(alerts.state, 'resolved'), mine)
  const [counted, rows] = await Promise.all([
    database
      .select({ state: alerts.state, severity: alerts.severity, count: count() })
      .from(alerts)
      .where(open)
      .groupBy(alerts.state, alerts.severity),
    database
      .select()
      .from(alerts)
      .where(and(inArray(alerts.state, ['firing', 'unknown']), mine))
      .orderBy(desc(rank), desc(alerts.startedMs), desc(alerts.id))
      .limit(latestMax),
  ])
  const result: Attention = { firing: 0, pending: 0, unknown: 0, bySeverity: {}, latest: [] }
  for (const row of counted) {
    if (row.state === 'resolved') continue
    result[row.state] += row.count
    if (row.state !== 'pending') result.bySeverity[row.severity] = (result.bySeverity[row.severity] ?? 0) + row.count
  }
  result.latest = rows.map((row) => latest(alertOfRow(row), current))
  return result
}
