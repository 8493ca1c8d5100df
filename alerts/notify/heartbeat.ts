// A dead man's switch: while the watchdog alert fires and is fresh on disk, an outside watcher is called at every
// interval. When any part of the path from event to alert to network fails, the calls stop and the watcher raises the
// alarm that we no longer can. Calls are not kept or repeated: a late one would tell a lie.
import { and, eq } from 'drizzle-orm'
import type { Clock } from '#core/clock.ts'
import type { Logger } from '#core/logger.ts'
import { alerts } from '#stores/state/schema/alerts.ts'
import type { Database } from '#stores/state/state.ts'
import { watchdogRule } from '../alert.ts'
import type { AlertingCounters } from '../counters.ts'
import type { HeartbeatConfig } from './config.ts'
import { httpCall } from './http-call.ts'
import type { FailureReason } from './notification.ts'
import type { ReceiverStatus } from './status.ts'
import { targetOf } from './status.ts'

export interface Heartbeat {
  start(): void
  stop(): Promise<void>
  /** One interval's work: asks the database, then calls. */
  beat(): Promise<void>
  status(): ReceiverStatus
}

export interface HeartbeatDeps {
  database: Database
  clock: Clock
  logger: Logger
  counters: AlertingCounters
}

export function createHeartbeat(config: HeartbeatConfig, deps: HeartbeatDeps): Heartbeat {
  const { database, clock, counters } = deps
  const receiver = config.name
  const ending = new AbortController()
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined
  let delivered = 0
  let failed = 0
  let lastSuccessMs: number | null = null
  let lastError: string | null = null

  const isAlive = async (): Promise<boolean> => {
    const [row] = await database
      .select({ lastReceivedMs: alerts.lastReceivedMs })
      .from(alerts)
      .where(and(eq(alerts.rule, watchdogRule), eq(alerts.state, 'firing')))
      .limit(1)
    return row !== undefined && clock.nowMs() - row.lastReceivedMs < config.staleMs
  }

  const fail = (error: string, reason: FailureReason = 'other'): void => {
    failed++
    counters.failed.inc({ receiver, reason })
    if (error !== lastError) deps.logger.warn({ receiver, error }, 'the heartbeat could not be sent')
    lastError = error
  }

  const beat = async (): Promise<void> => {
    try {
      if (!(await isAlive())) {
        lastError = 'The watchdog alert is not firing or not fresh; no call is made'
        return
      }
    } catch (error) {
      fail(`The state database does not answer: ${(error as Error).message}`)
      return
    }
    const signal = AbortSignal.any([ending.signal, AbortSignal.timeout(config.timeoutMs)])
    const stopTimer = counters.deliverySeconds.startTimer({ receiver })
    const { url, method, allowPrivate } = config
    const delivery = await httpCall({ url, method, headers: {}, body: '', allowPrivate }, signal)
    stopTimer()
    if (delivery.ok) {
      delivered++
      lastSuccessMs = clock.nowMs()
      lastError = null
      counters.sent.inc({ receiver })
    } else if (!ending.signal.aborted) fail(delivery.error, delivery.reason)
  }

  const run = (): void => {
    // A call that takes longer than the interval is not joined by a second one.
    running ??= beat().finally(() => {
      running = undefined
    })
  }

  return {
    start: () => {
      timer = setInterval(run, config.intervalMs)
      run()
    },
    stop: async () => {
      clearInterval(timer)
      ending.abort()
      await running
    },
    beat,
    status: () => ({
      name: receiver,
      kind: 'heartbeat',
      target: targetOf(config),
      pending: 0,
      delivered,
      failed,
      lastSuccessMs,
      lastError,
    }),
  }
}
