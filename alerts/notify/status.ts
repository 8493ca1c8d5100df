import { count, eq, max, sql } from 'drizzle-orm'
import { notifications } from '#stores/state/schema/alerts.ts'
import type { Database } from '#stores/state/state.ts'
import type { AlertReceiverConfig, ReceiverConfig } from './config.ts'

export interface ReceiverStatus {
  name: string
  kind: ReceiverConfig['kind']
  /** Without secrets. */
  target: string
  pending: number
  /** Within the time for which finished notifications are kept; of a heartbeat since the start. */
  delivered: number
  failed: number
  lastSuccessMs: number | null
  /** Of the latest attempt; null once one succeeds. */
  lastError: string | null
}

export async function receiverStatus(
  database: Database,
  receivers: readonly AlertReceiverConfig[],
): Promise<ReceiverStatus[]> {
  const [counted, errors] = await Promise.all([
    database
      .select({
        receiver: notifications.receiver,
        state: notifications.state,
        count: count(),
        finishedMs: max(notifications.finishedMs),
      })
      .from(notifications)
      .groupBy(notifications.receiver, notifications.state),
    database
      .selectDistinctOn([notifications.receiver], {
        receiver: notifications.receiver,
        error: notifications.lastError,
        atMs: notifications.lastAttemptMs,
      })
      .from(notifications)
      .where(sql`${notifications.lastError} is not null`)
      .orderBy(notifications.receiver, sql`${notifications.lastAttemptMs} desc`),
  ])
  return receivers.map((receiver) => {
    const of = (state: string) => counted.find((row) => row.receiver === receiver.name && row.state === state)
    const lastSuccessMs = of('delivered')?.finishedMs ?? null
    const error = errors.find((row) => row.receiver === receiver.name)
    return {
      name: receiver.name,
      kind: receiver.kind,
      target: targetOf(receiver),
      pending: of('pending')?.count ?? 0,
      delivered: of('delivered')?.count ?? 0,
      failed: of('failed')?.count ?? 0,
      lastSuccessMs,
      lastError: error && error.atMs > (lastSuccessMs ?? 0) ? error.error : null,
    }
  })
}

export async function pendingOf(database: Database): Promise<Map<string, number>> {
  const rows = await database
    .select({ receiver: notifications.receiver, count: count() })
    .from(notifications)
    .where(eq(notifications.state, 'pending'))
    .groupBy(notifications.receiver)
  return new Map(rows.map((row) => [row.receiver, row.count]))
}

/** Chat services put their secret into the path or the query: only the origin is shown. */
export function targetOf(receiver: ReceiverConfig): string {
  if (receiver.kind === 'cef') return `${receiver.transport}://${receiver.host}:${receiver.port}`
  if (receiver.kind === 'email') return `${receiver.to.join(', ')} by ${receiver.host}:${receiver.port}`
  const url = new URL(receiver.kind === 'wecom-app' ? receiver.apiUrl : receiver.url)
  return url.pathname === '/' && url.search === '' ? url.origin : `${url.origin}/…`
}
