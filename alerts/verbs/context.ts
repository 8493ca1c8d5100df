// What the verbs share: who may, and how a change of one alert is written.
import { eq } from 'drizzle-orm'
import type { Clock } from '#core/clock.ts'
import { CodedError } from '#core/errors.ts'
import { alerts } from '#stores/state/schema/alerts.ts'
import type { Actor, Database, Transaction } from '#stores/state/state.ts'
import { type AlertChange, type AlertRecord, alertOf, type ChangeKind } from '../alert.ts'
import { alertOfRow, recordOf, writeChanges } from '../lifecycle/tables.ts'

export interface VerbContext {
  database: Database
  clock: Clock
  /** The writer's turn, so that a verb and a finding never decide on the same alert at once. */
  exclusive(work: () => Promise<AlertChange[]>): Promise<void>
  /** Counts that are ahead of the table. */
  current(id: string): AlertRecord | undefined
}

const allowed: ReadonlySet<string> = new Set(['admin', 'operator', 'analyst'])

/** @throws CodedError `auth.forbidden` */
export function authorize(actor: Actor, action: string): void {
  if (!allowed.has(actor.role)) throw new CodedError('auth.forbidden', { role: actor.role, action })
}

export type AlertRow = typeof alerts.$inferSelect

/**
 * One transaction: the row is locked, `work` changes it, and unless it returns undefined (nothing to do) the feed is told.
 * @throws CodedError `not-found`
 */
export function changeAlert(
  context: VerbContext,
  id: string,
  work: (
    tx: Transaction,
    row: AlertRow,
    nowMs: number,
  ) => Promise<{ change: ChangeKind; set: Partial<AlertRow> } | undefined>,
): Promise<void> {
  return context.exclusive(() =>
    context.database.transaction(async (tx) => {
      const [row] = await tx.select().from(alerts).where(eq(alerts.id, id)).for('update')
      if (!row) throw new CodedError('not-found', { what: `The alert ${id}` })
      const nowMs = context.clock.nowMs()
      const result = await work(tx, row, nowMs)
      if (!result) return []
      const after = { ...row, ...result.set }
      if (Object.keys(result.set).length > 0) await tx.update(alerts).set(result.set).where(eq(alerts.id, id))
      const inMemory = context.current(id)
      const acknowledged = recordOf(after).acknowledged
      const alert = inMemory ? { ...alertOf(inMemory), acknowledged } : alertOfRow(after)
      return writeChanges(tx, [{ atMs: nowMs, change: result.change, alert }])
    }),
  )
}

/** The database refuses NUL and halves of surrogate pairs. */
export function cleanText(text: string, charsMax: number): string {
  return text.slice(0, charsMax).toWellFormed().replaceAll('\0', '\uFFFD').trim()
}

export const noteCharsMax = 10_000
