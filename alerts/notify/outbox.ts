// Delivers what was written into the outbox, from the table and never from memory: after a crash the same rows are sent
// under the same ids. Each receiver has its own worker, so that a slow one delays nobody; within a receiver the
// notifications of one alert keep their order.
import { isDeepStrictEqual } from 'node:util'
import { and, asc, eq, gt, inArray, lte, notExists, notInArray, sql } from 'drizzle-orm'
import { alias } from 'drizzle-orm/pg-core'
import type { Clock } from '#core/clock.ts'
import type { Logger } from '#core/logger.ts'
import type { Random } from '#core/random.ts'
import { createWaker } from '#core/waker.ts'
import { alertHistory, alerts, notifications } from '#stores/state/schema/alerts.ts'
import type { Database } from '#stores/state/state.ts'
import type { AlertingCounters } from '../counters.ts'
import type { GroupMessage } from '../group/message.ts'
import { settleGroup } from '../group/settle.ts'
import { createAllowance } from './allowance.ts'
import type { AlertReceiverConfig } from './config.ts'
import type { Delivery, Notification, NotifiedAlert, Notifier } from './notification.ts'

export interface OutboxDeps {
  database: Database
  clock: Clock
  random: Random
  logger: Logger
  counters: AlertingCounters
  notifier(receiver: AlertReceiverConfig): Notifier
  /** The ops centre, for links; empty when its address is not known. */
  publicUrl: string
}

export interface Outbox {
  start(): void
  /** Attempts under way have a moment to end; those that do not come again at the next start. */
  stop(): Promise<void>
  /** There may be something new for these receivers. */
  wake(receivers: readonly string[]): void
  /** Others are told from now on; those that stay as they are notice nothing. */
  retarget(receivers: readonly AlertReceiverConfig[]): Promise<void>
  /** Gives up what waits for a receiver that is no longer there, once its time is over. */
  tidy(): Promise<void>
}

const backoffMsMin = 1000
const backoffMsMax = 300_000
/** Longest sleep: a row written by another process is found at last. */
const idleMsMax = 30_000
const leaseExtraMs = 5000
const graceMs = 2000
const tidyRowsMax = 1000

type Row = typeof notifications.$inferSelect

export function createOutbox(receivers: readonly AlertReceiverConfig[], deps: OutboxDeps): Outbox {
  const { database, clock } = deps
  let running = false
  let workers = new Map<string, Worker>()
  const workerOf = (receiver: AlertReceiverConfig): [name: string, worker: Worker] => {
    const known = workers.get(receiver.name)
    // As the configuration says it: what a file imports is made anew each time it is read.
    return [receiver.name, known?.isFor(receiver) ? known : createWorker(receiver, deps)]
  }
  workers = new Map(receivers.map(workerOf))
  return {
    start: () => {
      running = true
      for (const worker of workers.values()) worker.start()
    },
    stop: async () => {
      running = false
      await Promise.all([...workers.values()].map((worker) => worker.stop()))
    },
    wake: (names) => {
      for (const name of names) workers.get(name)?.wake()
    },
    retarget: async (next) => {
      const before = workers
      workers = new Map(next.map(workerOf))
      const kept = new Set(workers.values())
      // The new ones need not wait for the last attempts of the old: a row is leased to one of them.
      if (running) for (const worker of kept) if (before.get(worker.name) !== worker) worker.start()
      await Promise.all([...before.values()].filter((worker) => !kept.has(worker)).map((worker) => worker.stop()))
    },
    tidy: async () => {
      const { receiver, state, deadlineMs } = notifications
      const names = [...workers.keys()]
      const nowMs = clock.nowMs()
      const over = and(
        eq(state, 'pending'),
        lte(deadlineMs, nowMs),
        names.length > 0 ? notInArray(receiver, names) : undefined,
      )
      for (const row of await database.select().from(notifications).where(over).limit(tidyRowsMax)) {
        const error = 'there is no such receiver any more'
        deps.counters.failed.inc({ receiver: row.receiver, reason: 'other' })
        await finish(database, row, row.attempts, nowMs, 'failed', error, `${row.receiver} could not be told: ${error}`)
      }
    },
  }
}

interface Worker {
  name: string
  isFor(receiver: AlertReceiverConfig): boolean
  wake(): void
  start(): void
  stop(): Promise<void>
}

function createWorker(receiver: AlertReceiverConfig, deps: OutboxDeps): Worker {
  const { database, clock, counters, logger } = deps
  const { name } = receiver
  const allowance = createAllowance(
    'perMinuteMax' in receiver ? receiver.perMinuteMax : Number.POSITIVE_INFINITY,
    (sinceMs) => attemptsSince(database, name, sinceMs),
  )
  let ending = new AbortController()
  let running: Promise<void> | undefined
  let stopping = false
  const waker = createWaker()
  let notifier: Notifier

  const run = async (): Promise<void> => {
    const busy = new Set<Promise<void>>()
    while (!stopping) {
      waker.looking()
      let waitMs = idleMsMax
      try {
        const room = await allowance.left(clock.nowMs())
        const free = Math.min(receiver.concurrency - busy.size, room.count)
        const rows = free > 0 ? await lease(database, receiver, free, clock.nowMs()) : []
        allowance.take(rows.length, clock.nowMs())
        for (const row of rows) {
          const work: Promise<void> = deliver(row).finally(() => {
            busy.delete(work)
            waker.wake()
          })
          busy.add(work)
        }
        if (rows.length > 0 && rows.length === free) continue
        // With nothing allowed, what is due waits for its minute.
        waitMs = room.count > 0 ? Math.min(idleMsMax, await untilNext(database, name, clock.nowMs())) : room.waitMs
      } catch (error) {
        logger.warn({ receiver: name, err: error }, 'the outbox could not be read')
        waitMs = backoffMsMin
      }
      await waker.sleep(waitMs)
    }
    await Promise.allSettled([...busy])
  }

  const deliver = async (row: Row): Promise<void> => {
    const signal = AbortSignal.any([ending.signal, AbortSignal.timeout(receiver.timeoutMs)])
    const stopTimer = counters.deliverySeconds.startTimer({ receiver: name })
    const attempt = row.attempts + 1
    counters.requests.inc({ receiver: name })
    const delivery: Delivery = await notifier
      .notify(notificationOf(row, deps.publicUrl), signal)
      .catch((error: Error) => ({ ok: false, retry: true, error: error.message, reason: 'other' }))
    stopTimer()
    try {
      if (ending.signal.aborted && !delivery.ok) await release(database, row)
      else await settle(row, attempt, delivery)
    } catch (error) {
      // The lease runs out and the row is sent once more under the same id.
      logger.warn({ receiver: name, err: error }, 'the outcome of a notification could not be written')
    }
  }

  const settle = async (row: Row, attempts: number, delivery: Delivery): Promise<void> => {
    const nowMs = clock.nowMs()
    if (delivery.ok) {
      counters.sent.inc({ receiver: name })
      await finish(database, row, attempts, nowMs, 'delivered', null, `${name} was told: ${row.event}`)
      return
    }
    const waitMs = Math.max(Math.ceil(delivery.retryAfterMs ?? 0), backoff(attempts, deps.random.next()))
    if (delivery.retry && nowMs + waitMs < row.deadlineMs) {
      counters.retried.inc({ receiver: name })
      await database
        .update(notifications)
        .set({
          attempts,
          leasedUntilMs: 0,
          nextAttemptMs: nowMs + waitMs,
          lastAttemptMs: nowMs,
          lastError: delivery.error,
        })
        .where(eq(notifications.id, row.id))
      return
    }
    counters.failed.inc({ receiver: name, reason: delivery.reason })
    logger.error(
      { receiver: name, alert: row.alertId ?? row.groupId, attempts, error: delivery.error },
      'a notification was given up',
    )
    await finish(
      database,
      row,
      attempts,
      nowMs,
      'failed',
      delivery.error,
      `${name} could not be told: ${delivery.error}`,
    )
  }

  return {
    name,
    isFor: (other) => isDeepStrictEqual(other, receiver),
    wake: waker.wake,
    start: () => {
      ending = new AbortController()
      stopping = false
      notifier = deps.notifier(receiver)
      running = run()
    },
    stop: async () => {
      stopping = true
      waker.wake()
      // A receiver that has just been told must not be told again because nobody heard its answer.
      const timer = setTimeout(() => ending.abort(), graceMs)
      await running
      clearTimeout(timer)
      ending.abort()
      notifier?.close()
    },
  }
}

function notificationOf(row: Row, publicUrl: string): Notification {
  const { id, event, createdMs } = row
  const base = { id, event, createdMs, attempt: row.attempts + 1, publicUrl }
  if (row.message === null) return { ...base, alerts: [row.alert as unknown as NotifiedAlert] }
  const { groupKey: key, receiver, path, labels, truncated, alerts: told } = row.message as unknown as GroupMessage
  return { ...base, alerts: told as Notification['alerts'], group: { key, receiver, path, labels, truncated } }
}

/** Doubles from a second to five minutes; the jitter keeps receivers that failed together from coming back together. */
function backoff(attempts: number, random: number): number {
  const fullMs = Math.min(backoffMsMax, backoffMsMin * 2 ** Math.min(attempts - 1, 20))
  return Math.round(fullMs / 2 + (random * fullMs) / 2)
}

/** Takes due rows that no other is before: one per alert. */
async function lease(database: Database, receiver: AlertReceiverConfig, limit: number, nowMs: number): Promise<Row[]> {
  const earlier = alias(notifications, 'earlier')
  return database.transaction(async (tx) => {
    const due = await tx
      .select({ id: notifications.id })
      .from(notifications)
      .where(
        and(
          eq(notifications.receiver, receiver.name),
          eq(notifications.state, 'pending'),
          lte(notifications.nextAttemptMs, nowMs),
          lte(notifications.leasedUntilMs, nowMs),
          notExists(
            tx
              .select({ id: earlier.id })
              .from(earlier)
              .where(
                and(
                  eq(earlier.receiver, notifications.receiver),
                  eq(earlier.alertId, notifications.alertId),
                  eq(earlier.state, 'pending'),
                  sql`${earlier.sequence} < ${notifications.sequence}`,
                ),
              ),
          ),
        ),
      )
      .orderBy(asc(notifications.sequence))
      .limit(limit)
      .for('update', { skipLocked: true })
    if (due.length === 0) return []
    const rows = await tx
      .update(notifications)
      .set({ leasedUntilMs: nowMs + receiver.timeoutMs + leaseExtraMs })
      .where(
        inArray(
          notifications.id,
          due.map(({ id }) => id),
        ),
      )
      .returning()
    return rows.sort((a, b) => a.sequence - b.sequence)
  })
}

async function untilNext(database: Database, receiver: string, nowMs: number): Promise<number> {
  const [row] = await database
    .select({ atMs: sql<string | null>`min(greatest(${notifications.nextAttemptMs}, ${notifications.leasedUntilMs}))` })
    .from(notifications)
    .where(and(eq(notifications.receiver, receiver), eq(notifications.state, 'pending')))
  // What is due but waits for an earlier one is woken by that one's end.
  return row?.atMs == null ? idleMsMax : Math.max(50, Number(row.atMs) - nowMs)
}

async function attemptsSince(database: Database, receiver: string, sinceMs: number): Promise<number[]> {
  const rows = await database
    .select({ atMs: notifications.lastAttemptMs })
    .from(notifications)
    .where(and(eq(notifications.receiver, receiver), gt(notifications.lastAttemptMs, sinceMs)))
  return rows.map(({ atMs }) => atMs)
}

async function release(database: Database, row: Row): Promise<void> {
  await database.update(notifications).set({ leasedUntilMs: 0 }).where(eq(notifications.id, row.id))
}

async function finish(
  database: Database,
  row: Row,
  attempts: number,
  nowMs: number,
  state: 'delivered' | 'failed',
  lastError: string | null,
  text: string,
): Promise<void> {
  const kind = state === 'delivered' ? 'notified' : 'notification-failed'
  await database.transaction(async (tx) => {
    await tx
      .update(notifications)
      .set({ state, attempts, leasedUntilMs: 0, lastAttemptMs: nowMs, finishedMs: nowMs, lastError })
      .where(eq(notifications.id, row.id))
    if (state === 'delivered' && row.message !== null) await settleGroup(tx, row, nowMs)
    // The alerts may have aged out meanwhile.
    const ids = row.alertIds ?? [row.alertId]
    await tx.execute(sql`insert into ${alertHistory} (alert_id, at_ms, kind, actor, text)
      select id, ${nowMs}, ${kind}, ${row.receiver}, ${text} from alerts where ${inArray(alerts.id, ids as string[])}`)
  })
}
