// Reading and writing alerts; every function takes the transaction it belongs to.
import { desc, inArray, ne, sql } from 'drizzle-orm'
import { alertChanges, alertHistory, alerts, notifications } from '#stores/state/schema/alerts.ts'
import { heldNotifications } from '#stores/state/schema/silences.ts'
import type { Database, Transaction } from '#stores/state/state.ts'
import { type Alert, type AlertChange, type AlertRecord, alertOf, type ChangeKind, type HistoryKind } from '../alert.ts'

export type AlertRow = typeof alerts.$inferSelect
export type Held = typeof heldNotifications.$inferSelect
export type NewNotification = Omit<typeof notifications.$inferInsert, 'sequence'>

/** PostgreSQL takes 65,535 parameters in a statement; an alert has 26. */
const rowsPerStatement = 1000
/** Any number that no other part of the schema uses. */
const changesLock = 7_700_001

export async function readOpen(database: Database): Promise<AlertRecord[]> {
  const rows = await database.select().from(alerts).where(ne(alerts.state, 'resolved'))
  return rows.map(recordOf)
}

export interface LastEpisode {
  episode: number
  lastSeenMs: number
}

export async function readLastEpisodes(database: Database, prints: string[]): Promise<Map<string, LastEpisode>> {
  const last = new Map<string, LastEpisode>()
  if (prints.length === 0) return last
  const rows = await database
    .selectDistinctOn([alerts.fingerprint], {
      fingerprint: alerts.fingerprint,
      episode: alerts.episode,
      lastSeenMs: alerts.lastSeenMs,
    })
    .from(alerts)
    .where(inArray(alerts.fingerprint, prints))
    .orderBy(alerts.fingerprint, desc(alerts.episode))
  for (const { fingerprint, ...episode } of rows) last.set(fingerprint, episode)
  return last
}

/** Inserts or updates. Acknowledgement is left alone: it belongs to the verbs. */
export async function writeRecords(tx: Transaction | Database, records: readonly AlertRecord[]): Promise<void> {
  // The end of an episode first: its successor may have only one open row beside it.
  const ordered = [...records].sort((a, b) => Number(b.state === 'resolved') - Number(a.state === 'resolved'))
  for (const part of chunks(ordered)) {
    await tx.insert(alerts).values(part.map(rowOf)).onConflictDoUpdate({ target: alerts.id, set: overwritten })
  }
}

const overwritten = {
  title: sql`excluded.title`,
  description: sql`excluded.description`,
  severity: sql`excluded.severity`,
  state: sql`excluded.state`,
  annotations: sql`excluded.annotations`,
  entities: sql`excluded.entities`,
  evidence: sql`excluded.evidence`,
  forMs: sql`excluded.for_ms`,
  resolveAfterMs: sql`excluded.resolve_after_ms`,
  activeSinceMs: sql`excluded.active_since_ms`,
  firedMs: sql`excluded.fired_ms`,
  resolvedMs: sql`excluded.resolved_ms`,
  lastSeenMs: sql`excluded.last_seen_ms`,
  lastReceivedMs: sql`excluded.last_received_ms`,
  findingCount: sql`excluded.finding_count`,
  value: sql`excluded.value`,
  threshold: sql`excluded.threshold`,
  told: sql`excluded.told`,
}

export interface HistoryEntry {
  alertId: string
  atMs: number
  kind: HistoryKind
  actor: string
  text: string
}

export async function writeHistory(tx: Transaction, entries: readonly HistoryEntry[]): Promise<void> {
  for (const part of chunks(entries)) await tx.insert(alertHistory).values(part)
}

/** @returns the changes with their sequence, to be published after the commit and in this order. */
export async function writeChanges(
  tx: Transaction,
  changes: readonly { atMs: number; change: ChangeKind; alert: Alert }[],
): Promise<AlertChange[]> {
  // Held until the commit: sequences become visible in the order in which they are given.
  await tx.execute(sql`select pg_advisory_xact_lock(${changesLock})`)
  const written: AlertChange[] = []
  for (const part of chunks(changes)) {
    const rows = await tx
      .insert(alertChanges)
      .values(part.map((change) => ({ ...change, alert: { ...change.alert } })))
      .returning({ sequence: alertChanges.sequence })
    rows.forEach(({ sequence }, i) => {
      written.push({ sequence, ...part[i]! })
    })
  }
  return written
}

export async function writeNotifications(tx: Transaction, rows: readonly NewNotification[]): Promise<void> {
  for (const part of chunks(rows)) await tx.insert(notifications).values(part)
}

export function recordOf(row: AlertRow): AlertRecord {
  const { acknowledgedBy, acknowledgedMs, ...rest } = row
  const acknowledged = acknowledgedBy === null ? null : { by: acknowledgedBy, atMs: acknowledgedMs ?? 0 }
  return { ...rest, acknowledged }
}

export function alertOfRow(row: AlertRow): Alert {
  return alertOf(recordOf(row))
}

function rowOf(record: AlertRecord): AlertRow {
  const { acknowledged, ...rest } = record
  return { ...rest, acknowledgedBy: acknowledged?.by ?? null, acknowledgedMs: acknowledged?.atMs ?? null }
}

function* chunks<T>(rows: readonly T[]): Generator<T[]> {
  for (let i = 0; i < rows.length; i += rowsPerStatement) yield rows.slice(i, i + rowsPerStatement)
}

/** The first event that was kept back stays: it says since when. */
export async function writeHeld(tx: Transaction, held: readonly Held[]): Promise<void> {
  for (const part of chunks(held)) await tx.insert(heldNotifications).values(part).onConflictDoNothing()
}
