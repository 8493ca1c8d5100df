// Alerting as one component: findings in, alerts with a life, people told, a feed that can be replayed.
import { and, eq, lt, ne } from 'drizzle-orm'
import type { Registry } from 'prom-client'
import type { Clock } from '#core/clock.ts'
import type { Component, Health } from '#core/component.ts'
import type { Finding } from '#core/finding.ts'
import { everywhere, type Jurisdiction } from '#core/jurisdiction.ts'
import type { Logger } from '#core/logger.ts'
import type { Random } from '#core/random.ts'
import { alertChanges, alerts, notifications } from '#stores/state/schema/alerts.ts'
import { heldNotifications } from '#stores/state/schema/silences.ts'
import type { Actor, Database } from '#stores/state/state.ts'
import { type Alert, type AlertRecord, alertOf } from './alert.ts'
import type { AlertingConfig } from './config.ts'
import { createCounters } from './counters.ts'
import { type AlertFeed, createFeed } from './feed/feed.ts'
import { createGrouping } from './group/grouping.ts'
import { placesOf } from './group/membership.ts'
import { createLifecycle } from './lifecycle/lifecycle.ts'
import { type Held, type NewNotification, writeHistory, writeNotifications } from './lifecycle/tables.ts'
import type { NotificationEvent } from './lifecycle/transition.ts'
import { createInhibitor, type InhibitedBy } from './mute/inhibit.ts'
import { createSilences, type Silences } from './mute/silences.ts'
import { type Why, whyOf } from './mute/why.ts'
import type { AlertReceiverConfig, HeartbeatConfig } from './notify/config.ts'
import { createHeartbeat } from './notify/heartbeat.ts'
import type { Notifier } from './notify/notification.ts'
import { createNotifier } from './notify/notifiers.ts'
import { createOutbox } from './notify/outbox.ts'
import { createRouter } from './notify/route.ts'
import { pendingOf, type ReceiverStatus, receiverStatus } from './notify/status.ts'
import { type Attention, attention } from './queries/attention.ts'
import { type AlertDetail, alertDetail } from './queries/detail.ts'
import { openGroups } from './queries/groups.ts'
import { type AlertPage, type AlertQuery, listAlerts } from './queries/list.ts'
import { isAboutPlace } from './queries/place.ts'
import { type RoutePath, type RoutingView, routePaths, routingView } from './queries/routing.ts'
import type { Routing } from './routing/alertmanager-file.ts'
import { integrate } from './routing/integrations.ts'
import { acknowledge } from './verbs/acknowledge.ts'
import { addNote } from './verbs/add-note.ts'
import type { VerbContext } from './verbs/context.ts'
import { type TestResult, testReceiver } from './verbs/test-receiver.ts'
import { unacknowledge } from './verbs/unacknowledge.ts'

export interface AlertingDeps {
  database: Database
  clock: Clock
  random: Random
  logger: Logger
  metrics: Registry
  /** Where people find the ops centre, for links; empty when not configured. */
  publicUrl: string
  /** What an Alertmanager file says; without it every receiver is told of single alerts. */
  routing?: Routing | undefined
  /** Takes out of a finding what may be neither kept nor told: sensitive data. */
  shown?: (finding: Finding) => Finding
}

export interface Alerting extends Component {
  /** Resolves when every state that follows is on disk; rejects with nothing of it applied. */
  submit(findings: readonly Finding[]): Promise<void>
  readonly feed: AlertFeed
  readonly silences: Silences
  /** What keeps this alert from being told. */
  mutedBy(alert: Alert): { silences: string[]; alerts: string[] }
  /** Why somebody was, or was not, told. @throws CodedError `not-found` */
  why(id: string): Promise<Why[]>
  /** Open alerts as they are now. */
  open(): Alert[]
  /** Receivers that take it, were it not muted. */
  receiversOf(alert: Alert): string[]
  list(query: AlertQuery): Promise<AlertPage>
  /** @throws CodedError `not-found` */
  detail(id: string): Promise<AlertDetail>
  attention(within?: Jurisdiction): Promise<Attention>
  /** Whether it is about something in this part of the province. */
  isWithin(id: string, bounds: Jurisdiction): Promise<boolean>
  acknowledge(actor: Actor, id: string, note?: string): Promise<void>
  unacknowledge(actor: Actor, id: string): Promise<void>
  addNote(actor: Actor, id: string, text: string): Promise<void>
  receivers(): Promise<ReceiverStatus[]>
  /** The routing tree now; undefined without an Alertmanager file. */
  routing(): Promise<RoutingView | undefined>
  /** Where an alert with these labels would go. */
  routesOf(labels: Record<string, string>): RoutePath[]
  /** Open alerts by the groups in which they are told. */
  groups(): { receiver: string; labels: Record<string, string>; alertIds: string[] }[]
  testReceiver(actor: Actor, name: string): Promise<TestResult>
}

const tickMs = 1000
const flushMs = 5000
const retainEveryMs = 600_000
const inhibitionMsMax = 1000
/** Alertmanager's. */
const tidyMs = 30_000

export function createAlerting(config: AlertingConfig, deps: AlertingDeps): Alerting {
  const { database, clock, random, logger } = deps
  const counters = createCounters(deps.metrics)
  const { routing } = deps
  const integrations = integrate(routing, config.receivers, {
    file: config.alertmanagerFile,
    allowPrivate: config.alertmanagerAllowPrivate,
  })
  const { direct } = integrations
  const told = [...new Set([...direct, ...[...integrations.routed.values()].flat()])]
  const heartbeats = config.receivers
    .filter((receiver): receiver is HeartbeatConfig => receiver.kind === 'heartbeat')
    .map((receiver) => createHeartbeat(receiver, { database, clock, logger, counters }))
  const route = createRouter(direct)
  const silences = createSilences({ database, clock, random })
  const inhibitor = createInhibitor([...config.inhibitRules, ...(routing?.inhibitRules ?? [])])
  /** Looked over anew after each change; at the latest after a second. */
  let inhibition: { by: InhibitedBy; untilMs: number } | undefined
  const inhibitedBy = (alert: Parameters<InhibitedBy>[0]): string[] => {
    const nowMs = clock.monotonicMs()
    if (!inhibition || inhibition.untilMs < nowMs)
      inhibition = { by: inhibitor(lifecycle.open()), untilMs: nowMs + inhibitionMsMax }
    return inhibition.by(alert)
  }
  /** Alerts kept back, with the event people would have heard. */
  const held = new Map<string, Held>()
  const feed = createFeed(config, database)
  const notifier = (receiver: AlertReceiverConfig): Notifier => createNotifier(receiver, config.language, clock)
  const outbox = createOutbox(told, {
    ...{ database, clock, random, logger, counters },
    notifier,
    publicUrl: deps.publicUrl,
  })

  const newId = (): string => `ntf_${random.hex(16)}`
  const intentsOf = (record: AlertRecord, event: NotificationEvent, nowMs: number): NewNotification[] =>
    route(record, event).map((name) => ({
      id: newId(),
      receiver: name,
      alertId: record.id,
      event,
      alert: { ...alertOf(record), evidence: record.evidence },
      state: 'pending',
      attempts: 0,
      createdMs: nowMs,
      nextAttemptMs: nowMs,
      deadlineMs: nowMs + told.find((receiver) => receiver.name === name)!.deadlineMs,
      leasedUntilMs: 0,
      lastAttemptMs: 0,
    }))

  const lifecycle = createLifecycle(config, {
    ...{ database, clock, random, counters, shown: deps.shown },
    intents: (record, { notify }, nowMs) => {
      if (!notify) return { notifications: [], held: false }
      // The end of what nobody was told of is no news.
      if (held.has(record.id)) return { notifications: [], held: notify !== 'resolved' }
      const { silences: by, alerts: sources } = mutedBy(record)
      const isMuted = notify !== 'resolved' && by.length + sources.length > 0
      return isMuted
        ? { notifications: [], held: true }
        : { notifications: intentsOf(record, notify, nowMs), held: false }
    },
    alongside: (tx, records, nowMs) => grouping.join(tx, records, nowMs),
    committed: (changes, intents, kept) => {
      inhibition = undefined
      grouping.wake()
      for (const one of kept) if (!held.has(one.alertId)) held.set(one.alertId, one)
      feed.publish(changes)
      outbox.wake(intents.map(({ receiver }) => receiver))
    },
  })
  const mutedBy = (alert: Pick<AlertRecord, 'id' | 'rule' | 'severity' | 'labels' | 'title' | 'state'>) => ({
    silences: silences.of(alert).map(({ id }) => id),
    alerts: inhibitedBy(alert),
  })

  const behind = (name: string): readonly AlertReceiverConfig[] => integrations.routed.get(name) ?? []
  const grouping = createGrouping({
    ...{ database, clock, logger, routing, newId },
    receivers: behind,
    mutedBy: (alert) => {
      const { silences: by, alerts: sources } = mutedBy(alert)
      // Inhibition comes first, as in Alertmanager.
      return sources.length > 0 ? 'inhibition' : by.length > 0 ? 'silence' : undefined
    },
    suppressed: (reason) => counters.suppressed.inc({ reason }),
    told: (receivers) => outbox.wake(receivers),
  })

  /** What was kept back is told when nothing mutes it any more and it still is so. */
  const release = async (): Promise<void> => {
    for (const { alertId, event } of [...held.values()]) {
      const record = lifecycle.current(alertId)
      if (record && Object.values(mutedBy(record)).some((list) => list.length > 0)) continue
      const nowMs = clock.nowMs()
      const isStill = record?.state === (event === 'unknown' ? 'unknown' : 'firing')
      const intents = record && isStill ? intentsOf(record, event, nowMs) : []
      await lifecycle.exclusive(async () => {
        await database.transaction(async (tx) => {
          await tx.delete(heldNotifications).where(eq(heldNotifications.alertId, alertId))
          await writeNotifications(tx, intents)
          if (record)
            await writeHistory(tx, [
              { ...{ alertId, atMs: nowMs, kind: 'state', actor: record.rule }, text: 'No longer muted' },
            ])
        })
        return []
      })
      held.delete(alertId)
      outbox.wake(intents.map(({ receiver }) => receiver))
    }
  }
  const verbs: VerbContext = { database, clock, exclusive: lifecycle.exclusive, current: lifecycle.current }
  const timers: NodeJS.Timeout[] = []
  const working = new Set<Promise<void>>()
  let failure = ''

  const every = (intervalMs: number, work: () => Promise<unknown>): void => {
    let busy = false
    const run = async (): Promise<void> => {
      busy = true
      try {
        await work()
        failure = ''
      } catch (error) {
        failure = `The state database does not answer: ${(error as Error).message}`
        logger.warn({ err: error }, 'alerting could not do its periodic work')
      } finally {
        busy = false
      }
    }
    timers.push(
      setInterval(() => {
        if (busy) return
        const running = run().finally(() => working.delete(running))
        working.add(running)
      }, intervalMs),
    )
  }

  const retain = async (): Promise<void> => {
    const nowMs = clock.nowMs()
    await database
      .delete(alerts)
      .where(and(eq(alerts.state, 'resolved'), lt(alerts.resolvedMs, nowMs - config.retainMs)))
    await database.delete(alertChanges).where(lt(alertChanges.atMs, nowMs - config.retainChangesMs))
    await database
      .delete(notifications)
      .where(and(ne(notifications.state, 'pending'), lt(notifications.finishedMs, nowMs - config.retainChangesMs)))
  }

  const countPending = async (): Promise<void> => {
    const pending = await pendingOf(database)
    counters.groups.set(await grouping.count())
    for (const { name } of told) counters.pending.set({ receiver: name }, pending.get(name) ?? 0)
  }

  return {
    name: 'alerting',
    feed,
    silences,
    mutedBy,
    why: async (id) =>
      whyOf(await alertDetail(database, lifecycle.current, id), {
        ...{ database, nowMs: clock.nowMs(), receivers: direct, silences, held },
        routed: routing && { routing, receivers: behind },
        inhibitors: (alert) => inhibitedBy(alert).flatMap((one) => lifecycle.current(one) ?? []),
      }),
    open: () => [...lifecycle.open()].map(alertOf),
    receiversOf: (alert) => [
      ...route(alert, 'firing'),
      ...(routing ? placesOf(routing.root, alert).map((place) => place.route.receiver) : []),
    ],
    submit: (findings) => lifecycle.submit(findings),
    list: (query) => listAlerts(database, lifecycle.current, query),
    detail: (id) => alertDetail(database, lifecycle.current, id),
    attention: (within = everywhere) => attention(database, lifecycle.current, within),
    isWithin: (id, bounds) => isAboutPlace(database, id, bounds),
    acknowledge: (actor, id, note) => acknowledge(verbs, actor, id, note),
    unacknowledge: (actor, id) => unacknowledge(verbs, actor, id),
    addNote: (actor, id, text) => addNote(verbs, actor, id, text),
    receivers: async () => [...(await receiverStatus(database, told)), ...heartbeats.map((one) => one.status())],
    routing: async () =>
      routing &&
      routingView(routing, { database, nowMs: clock.nowMs(), routed: integrations.routed, open: lifecycle.open() }),
    routesOf: (labels) => (routing ? routePaths(routing, labels) : []),
    groups: () => openGroups(routing, lifecycle.open(), (alert) => route(alert, 'firing')),
    testReceiver: (actor, name) =>
      testReceiver(
        {
          ...{ database, clock, random, notifier, receivers: told },
          ...{ publicUrl: deps.publicUrl, language: config.language },
        },
        actor,
        name,
      ),
    start: async () => {
      await lifecycle.load()
      await silences.load()
      held.clear()
      for (const one of await database.select().from(heldNotifications)) held.set(one.alertId, one)
      await feed.open()
      await grouping.start(lifecycle.open())
      outbox.start()
      for (const heartbeat of heartbeats) heartbeat.start()
      every(tickMs, () => lifecycle.tick())
      every(tickMs, release)
      every(flushMs, async () => {
        await lifecycle.flush()
        await countPending()
      })
      every(retainEveryMs, retain)
      every(tidyMs, () => grouping.tidy())
    },
    stop: async () => {
      for (const timer of timers.splice(0)) clearInterval(timer)
      await Promise.allSettled([...working])
      await Promise.allSettled(heartbeats.map((heartbeat) => heartbeat.stop()))
      await grouping.stop()
      await outbox.stop()
      await lifecycle
        .flush()
        .catch((error: unknown) => logger.warn({ err: error }, 'counts of alerts were not written'))
      feed.close()
    },
    health: (): Health => (failure === '' ? { state: 'ok', detail: '' } : { state: 'failed', detail: failure }),
  }
}
