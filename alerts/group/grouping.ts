// The routing tree at work: alerts join their groups as they change, groups have their turn when their time has come.
import { lt, min } from 'drizzle-orm'
import type { Clock } from '#core/clock.ts'
import type { Logger } from '#core/logger.ts'
import { createWaker } from '#core/waker.ts'
import { notificationGroups, notificationLog } from '#stores/state/schema/groups.ts'
import type { Database, Transaction } from '#stores/state/state.ts'
import type { AlertRecord } from '../alert.ts'
import type { AlertReceiverConfig } from '../notify/config.ts'
import type { Routing } from '../routing/alertmanager-file.ts'
import { quietBy } from '../routing/quiet.ts'
import { allRoutes, type Route } from '../routing/route-tree.ts'
import { dueGroups, flushGroup, type Suppression } from './flush.ts'
import { dropEmpty, join, rejoin } from './membership.ts'

export interface GroupingDeps {
  database: Database
  clock: Clock
  logger: Logger
  receivers(name: string): readonly AlertReceiverConfig[]
  mutedBy(alert: AlertRecord): Suppression | undefined
  suppressed(reason: Suppression): void
  newId(): string
  /** Something is in the outbox for these. */
  told(receivers: readonly string[]): void
}

export interface Grouping {
  /** In the transaction that changed the alerts. */
  join(tx: Transaction, records: readonly AlertRecord[], nowMs: number): Promise<void>
  /** There may be a group that is due. */
  wake(): void
  start(open: Iterable<AlertRecord>): Promise<void>
  /**
   * Open alerts leave the groups of the old tree and join those of another in one transaction; nobody else may join
   * meanwhile. @param inForce is called when that is on disk
   */
  reroute(routing: Routing, open: Iterable<AlertRecord>, inForce: () => void): Promise<void>
  stop(): Promise<void>
  count(): Promise<number>
  /** Alertmanager's maintenance, every 30 s there. */
  tidy(): Promise<void>
}

const batchGroups = 100
/** Each has a connection of the pool. */
const groupsAtOnce = 4
/** Longest sleep: a group that another process made is found at last. */
const idleMsMax = 5000
const pauseAfterErrorMs = 1000

export function createGrouping(first: Routing | undefined, deps: GroupingDeps): Grouping {
  const { database, clock, logger } = deps
  let routing = first
  let routes = routesOf(first)
  let running: Promise<void> | undefined
  let stopping = false
  const waker = createWaker()

  const flushDeps = {
    ...deps,
    isMutedRoute: (route: Route, nowMs: number) => quietBy(route, routing!, nowMs) !== undefined,
    route: (id: string) => routes.get(id),
  }

  const run = async (): Promise<void> => {
    while (!stopping) {
      waker.looking()
      let waitMs = idleMsMax
      try {
        const due = await dueGroups(database, clock.nowMs(), batchGroups)
        for (let at = 0; at < due.length && !stopping; at += groupsAtOnce)
          await Promise.all(due.slice(at, at + groupsAtOnce).map(flush))
        if (due.length === batchGroups) continue
        waitMs = Math.min(idleMsMax, await untilNext())
      } catch (error) {
        logger.warn({ err: error }, 'a group of alerts could not have its turn')
        waitMs = pauseAfterErrorMs
      }
      await waker.sleep(waitMs)
    }
  }

  const flush = async (id: string): Promise<void> => {
    const woken = await flushGroup(id, clock.nowMs(), flushDeps)
    if (woken.length > 0) deps.told(woken)
  }

  const untilNext = async (): Promise<number> => {
    const [row] = await database.select({ atMs: min(notificationGroups.nextFlushMs) }).from(notificationGroups)
    return row?.atMs == null ? idleMsMax : Math.max(5, row.atMs - clock.nowMs())
  }

  return {
    join: async (tx, records, nowMs) => {
      if (routing) await join(tx, routing.root, records, nowMs)
    },
    wake: waker.wake,
    start: async (open) => {
      await database.transaction((tx) => rejoin(tx, routing?.root, [...open], clock.nowMs()))
      if (!routing) return
      stopping = false
      running = run()
    },
    reroute: async (next, open, inForce) => {
      await database.transaction((tx) => rejoin(tx, next.root, [...open], clock.nowMs()))
      routing = next
      routes = routesOf(next)
      inForce()
      if (!stopping) running ??= run()
      waker.wake()
    },
    stop: async () => {
      stopping = true
      waker.wake()
      await running
    },
    count: () => database.$count(notificationGroups),
    tidy: async () => {
      await database.transaction((tx) => dropEmpty(tx))
      await database.delete(notificationLog).where(lt(notificationLog.expiresMs, clock.nowMs()))
    },
  }
}

function routesOf(routing: Routing | undefined): ReadonlyMap<string, Route> {
  return new Map(routing && [...allRoutes(routing.root)].map(({ route }) => [route.id, route]))
}
