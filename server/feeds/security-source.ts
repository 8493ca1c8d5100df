// What the security feeds give out, page by page: changes of security alerts in the order in which they were committed.
import { and, asc, eq, gt, inArray, max, min, type SQL, sql } from 'drizzle-orm'
import { isEverywhere, type Jurisdiction } from '#core/jurisdiction.ts'
import { type FeedAlert, type FeedItem, isSecurity } from '#security/feeds/alert.ts'
import { alertChanges, alerts } from '#stores/state/schema/alerts.ts'
import type { Database } from '#stores/state/state.ts'

/** Changes that others act on; who is at work on it is our own affair. */
const told = ['firing', 'unknown', 'resolved'] as const
const scanRows = 1000
const alertOf = sql<string>`(${alertChanges.alert} ->> 'id')`

export interface SecurityPage {
  items: FeedItem[]
  /** Pass as `after` for what follows. */
  next: number
  more: boolean
}

export interface SecuritySource {
  /** Changes with a sequence above `after`, oldest first; `sinceMs` leaves out what was committed until then. */
  page(request: { after: number; limit: number; sinceMs?: number; within: Jurisdiction }): Promise<SecurityPage>
  /** The first and the last change of each of these alerts that is given out. */
  spansOf(ids: readonly string[]): Promise<Map<string, { first: number; last: number }>>
  /** One alert's changes. */
  ofAlert(id: string, within: Jurisdiction): Promise<FeedItem[]>
}

export function createSecuritySource(
  database: Database,
  isWithin: (alertId: string, bounds: Jurisdiction) => Promise<boolean>,
): SecuritySource {
  const read = async (condition: SQL | undefined, limit: number): Promise<FeedItem[]> => {
    const rows = await database
      .select({
        ...{ sequence: alertChanges.sequence, atMs: alertChanges.atMs, change: alertChanges.change },
        ...{ alert: alertChanges.alert, evidence: alerts.evidence },
      })
      .from(alertChanges)
      .leftJoin(alerts, eq(alerts.id, alertOf))
      .where(and(inArray(alertChanges.change, [...told]), condition))
      .orderBy(asc(alertChanges.sequence))
      .limit(limit)
    return rows.map((row) => ({ ...row, alert: row.alert as unknown as FeedAlert }))
  }
  const visible = async (items: FeedItem[], within: Jurisdiction): Promise<FeedItem[]> => {
    const wanted = items.filter(({ alert }) => isSecurity(alert))
    if (isEverywhere(within)) return wanted
    const allowed = new Map<string, boolean>()
    for (const { alert } of wanted) if (!allowed.has(alert.id)) allowed.set(alert.id, await isWithin(alert.id, within))
    return wanted.filter(({ alert }) => allowed.get(alert.id))
  }
  return {
    page: async ({ after, limit, sinceMs, within }) => {
      const items: FeedItem[] = []
      let next = after
      while (true) {
        const since = sinceMs === undefined ? undefined : gt(alertChanges.atMs, sinceMs)
        const rows = await read(and(gt(alertChanges.sequence, next), since), scanRows)
        for (const item of await visible(rows, within)) {
          if (items.length === limit) return { items, next: items.at(-1)!.sequence, more: true }
          items.push(item)
        }
        if (rows.length < scanRows) return { items, next: Math.max(next, rows.at(-1)?.sequence ?? next), more: false }
        next = rows.at(-1)!.sequence
      }
    },
    spansOf: async (ids) => {
      if (ids.length === 0) return new Map()
      const rows = await database
        .select({ id: alertOf, first: min(alertChanges.sequence), last: max(alertChanges.sequence) })
        .from(alertChanges)
        .where(and(inArray(alertChanges.change, [...told]), inArray(alertOf, [...new Set(ids)])))
        .groupBy(alertOf)
      return new Map(rows.map(({ id, first, last }) => [id, { first: first ?? 0, last: last ?? 0 }]))
    },
    ofAlert: async (id, within) => visible(await read(eq(alertOf, id), scanRows), within),
  }
}
