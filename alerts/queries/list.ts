// Alerts newest first, by keyset: a page is as cheap at the end as at the start and does not shift when alerts arrive.
import { and, count, desc, eq, inArray, lt, ne, or, type SQL, sql } from 'drizzle-orm'
import { CodedError } from '#core/errors.ts'
import type { Severity } from '#core/finding.ts'
import type { Jurisdiction } from '#core/jurisdiction.ts'
import { alerts } from '#stores/state/schema/alerts.ts'
import type { Database } from '#stores/state/state.ts'
import { type Alert, type AlertRecord, type AlertState, alertOf, watchdogRule } from '../alert.ts'
import { alertOfRow } from '../lifecycle/tables.ts'
import { aboutPlace } from './place.ts'
import { patternOf, wordsOf } from './words.ts'

export interface AlertQuery {
  states?: readonly AlertState[] | undefined
  severities?: readonly Severity[] | undefined
  rule?: string | undefined
  /** Words, all of which must occur in the title, the rule, a label or an entity; case does not matter. */
  q?: string | undefined
  /** Only those about things in this part of the province. */
  within?: Jurisdiction | undefined
  /** 1 to 500. */
  limit?: number | undefined
  /** `next` of the page before. */
  before?: string | undefined
}

export interface AlertPage {
  alerts: Alert[]
  next: string | null
  /** Under the same filters, whatever the state. */
  counts: Record<AlertState, number>
}

/** What is in memory is some seconds ahead of the table in counts. */
export type Current = (id: string) => AlertRecord | undefined

const limitDefault = 100
const limitMax = 500

export async function listAlerts(database: Database, current: Current, query: AlertQuery): Promise<AlertPage> {
  const limit = Math.min(Math.max(Math.trunc(query.limit ?? limitDefault) || limitDefault, 1), limitMax)
  const filter = filtersOf(query)
  const states = query.states?.length ? inArray(alerts.state, [...query.states]) : undefined
  const [rows, counted] = await Promise.all([
    database
      .select()
      .from(alerts)
      .where(and(...filter, states, query.before === undefined ? undefined : olderThan(query.before)))
      .orderBy(desc(alerts.startedMs), desc(alerts.id))
      .limit(limit + 1),
    database
      .select({ state: alerts.state, count: count() })
      .from(alerts)
      .where(and(...filter))
      .groupBy(alerts.state),
  ])
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  const counts: AlertPage['counts'] = { firing: 0, pending: 0, unknown: 0, resolved: 0 }
  for (const row of counted) counts[row.state] = row.count
  return {
    alerts: page.map((row) => latest(alertOfRow(row), current)),
    next: rows.length > limit && last ? `${last.startedMs}-${last.id}` : null,
    counts,
  }
}

export function latest(alert: Alert, current: Current): Alert {
  const record = current(alert.id)
  return record ? { ...alertOf(record), acknowledged: alert.acknowledged } : alert
}

/** The watchdog fires for ever and needs nobody: it is listed only when asked for by its rule. */
function filtersOf(query: AlertQuery): (SQL | undefined)[] {
  return [
    query.rule === undefined ? ne(alerts.rule, watchdogRule) : eq(alerts.rule, query.rule),
    query.severities?.length ? inArray(alerts.severity, [...query.severities]) : undefined,
    ...wordsOf(query.q ?? '').map(contains),
    query.within && aboutPlace(query.within),
  ]
}

function contains(word: string): SQL | undefined {
  const pattern = patternOf(word)
  // Values only: a search for "host" should not find every alert that has a label of that name.
  const labels = sql`exists (select 1 from jsonb_each_text(${alerts.labels}) as label where label.value ilike ${pattern})`
  const entities = sql`exists (select 1 from jsonb_array_elements_text(${alerts.entities}) as entity where entity ilike ${pattern})`
  return or(
    sql`${alerts.title} ilike ${pattern}`,
    sql`${alerts.annotations} ->> 'title.zh' ilike ${pattern}`,
    sql`${alerts.rule} ilike ${pattern}`,
    ...[labels, entities],
  )
}

function olderThan(before: string): SQL | undefined {
  const match = /^(-?\d{1,16})-([0-9a-f]{1,64})$/.exec(before)
  if (!match)
    throw new CodedError('query.invalid', { cause: 'before is not a page mark', position: 0, hint: 'Use `next`.' })
  const startedMs = Number(match[1])
  return or(lt(alerts.startedMs, startedMs), and(eq(alerts.startedMs, startedMs), lt(alerts.id, match[2]!)))
}
