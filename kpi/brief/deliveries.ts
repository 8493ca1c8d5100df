// What must be sent of issues. An attempt is written down before it is made, by whoever holds the row: of two processes
// one makes it, and one that dies in the middle leaves an attempt of which nobody knows the outcome. Such a one is shown
// and not made again by itself: a brief may arrive late, but not twice.
import { and, asc, eq, lte, max } from 'drizzle-orm'
import { CodedError } from '#core/errors.ts'
import { writeAudit } from '#stores/state/audit.ts'
import { kpiBriefDeliveries } from '#stores/state/schema/kpi-briefs.ts'
import type { Actor, Database } from '#stores/state/state.ts'
import type { Addressee, BriefDelivery } from './issues.ts'

export type Outcome =
  | { state: 'delivered' }
  /** It did not arrive. */
  | { state: 'refused'; retry: boolean; error: string; retryAfterMs?: number }
  /** It may have arrived. */
  | { state: 'uncertain'; error: string }

export interface Deliveries {
  /** Makes the attempts that are due. */
  work(): Promise<void>
  /** Once more, because a person wants it. @throws CodedError `kpi.brief-sending` while it is on its way */
  again(actor: Actor, issue: string, addressees: readonly Addressee[]): Promise<void>
}

export interface DeliveryDeps {
  database: Database
  nowMs(): number
  newId(): string
  /** The longest an attempt may take; undefined: there is no such receiver any more. */
  timeoutMs(receiver: string): number | undefined
  send(delivery: BriefDelivery): Promise<Outcome>
}

const backoffMsMin = 30_000
const backoffMsMax = 1_800_000
/** An attempt that has its time and this much more has died with its process. */
const graceMs = 30_000
const perTurn = 20

export function createDeliveries({ database, nowMs, newId, timeoutMs, send }: DeliveryDeps): Deliveries {
  const { id, state, nextAttemptMs, attemptUntilMs } = kpiBriefDeliveries
  const settle = async (
    row: BriefDelivery,
    set: Partial<typeof kpiBriefDeliveries.$inferInsert> & { state: BriefDelivery['state'] },
  ): Promise<void> => {
    const isOver = set.state !== 'pending' && set.state !== 'sending'
    await database
      .update(kpiBriefDeliveries)
      .set({ ...set, ...(isOver ? { finishedMs: nowMs() } : {}) })
      .where(and(eq(id, row.id), eq(state, 'sending')))
  }
  /** One that is due, now this process's; its attempt is on disk before it begins. */
  const take = (): Promise<BriefDelivery | undefined> =>
    database.transaction(async (tx) => {
      const [due] = await tx
        .select()
        .from(kpiBriefDeliveries)
        .where(and(eq(state, 'pending'), lte(nextAttemptMs, nowMs())))
        .orderBy(asc(nextAttemptMs), asc(id))
        .limit(1)
        .for('update', { skipLocked: true })
      if (!due) return undefined
      const until = nowMs() + (timeoutMs(due.receiver) ?? 0) + graceMs
      const [row] = await tx
        .update(kpiBriefDeliveries)
        .set({ state: 'sending', attempts: due.attempts + 1, attemptUntilMs: until })
        .where(eq(id, due.id))
        .returning()
      return row
    })
  const attempt = async (row: BriefDelivery): Promise<void> => {
    const outcome: Outcome =
      timeoutMs(row.receiver) === undefined
        ? { state: 'refused', retry: false, error: 'there is no such receiver any more' }
        : await send(row).catch((error: Error) => ({ state: 'uncertain', error: error.message }))
    if (outcome.state === 'delivered') return settle(row, { state: 'delivered', lastError: '' })
    const lastError = outcome.error.slice(0, 500)
    if (outcome.state === 'uncertain') return settle(row, { state: 'uncertain', lastError })
    const waitMs = Math.max(outcome.retryAfterMs ?? 0, Math.min(backoffMsMax, backoffMsMin * 2 ** (row.attempts - 1)))
    const nextMs = nowMs() + waitMs
    return outcome.retry && nextMs < row.deadlineMs
      ? settle(row, { state: 'pending', lastError, nextAttemptMs: nextMs })
      : settle(row, { state: 'failed', lastError })
  }
  return {
    work: async () => {
      await database
        .update(kpiBriefDeliveries)
        .set({
          ...{ state: 'uncertain', finishedMs: nowMs() },
          lastError: 'the process ended during the attempt: look whether it arrived',
        })
        .where(and(eq(state, 'sending'), lte(attemptUntilMs, nowMs())))
      for (let i = 0; i < perTurn; i++) {
        const row = await take()
        if (!row) return
        await attempt(row)
      }
    },
    again: (actor, issue, addressees) =>
      database.transaction(async (tx) => {
        for (const { receiver, part, deadlineMs } of addressees) {
          const mine = and(
            eq(kpiBriefDeliveries.issue, issue),
            eq(kpiBriefDeliveries.receiver, receiver),
            eq(kpiBriefDeliveries.part, part),
          )
          const open = await tx.select({ state }).from(kpiBriefDeliveries).where(mine)
          if (open.some((one) => one.state === 'pending' || one.state === 'sending'))
            throw new CodedError('kpi.brief-sending', { receiver })
          const [last] = await tx
            .select({ round: max(kpiBriefDeliveries.round) })
            .from(kpiBriefDeliveries)
            .where(mine)
          const atMs = nowMs()
          await tx.insert(kpiBriefDeliveries).values({
            ...{ id: newId(), issue, receiver, part, round: (last?.round ?? 0) + 1, state: 'pending', attempts: 0 },
            ...{ createdMs: atMs, nextAttemptMs: atMs, deadlineMs: atMs + deadlineMs, attemptUntilMs: 0 },
            ...{ lastError: '', askedBy: actor.name },
          })
          await writeAudit(tx, actor, 'kpi-brief.send', `${issue} ${receiver}`)
        }
      }),
  }
}
