// Alerting as one component: findings in, alerts with a life, people told, a feed that can be replayed.
import { and, eq, lt, ne } from 'drizzle-orm'
import type { Registry } from 'prom-client'
import type { Clock } from '#core/clock.ts'
import type { Component, Health } from '#core/component.ts'
import type { Finding } from '#core/finding.ts'
import { everywhere, type Jurisdiction } from '#core/jurisdiction.ts'
import type { Logger } from '#core/logger.ts'
import type { Random } from '#core/random.ts'
import { createTurns } from '#core/turns.ts'
import { alertChanges, alerts, notifications } from '#stores/state/schema/alerts.ts'
import { heldNotifications } from '#stores/state/schema/silences.ts'
import type { Actor, Database } from '#stores/state/state.ts'
import { type Alert, type AlertRecord, alertOf } from './alert.ts'
import type { AlertingConfig } from './config.ts'
import { createCounters } from './counters.ts'
import { type AlertFeed, createFeed } from './feed/feed.ts'
import { retainFindings } from './findings/retain.ts'
import { createGrouping } from './group/grouping.ts'
import { placesOf } from './group/membership.ts'
import { createLifecycle } from './lifecycle/lifecycle.ts'
import { type Held, type NewNotification, writeHistory, writeNotifications } from './lifecycle/tables.ts'
import type { NotificationEvent } from './lifecycle/transition.ts'
import type { InhibitedBy } from './mute/inhibit.ts'
import { createSilences, type Silences } from './mute/silences.ts'
import { type Why, whyOf } from './mute/why.ts'
import type { AlertReceiverConfig, HeartbeatConfig } from './notify/config.ts'
import { createHeartbeat } from './notify/heartbeat.ts'
import type { Notifier } from './notify/notification.ts'
import { createNotifier } from './notify/notifiers.ts'
import { createOutbox } from './notify/outbox.ts'
import { pendingOf, type ReceiverStatus, receiverStatus } from './notify/status.ts'
import { type Attention, attention } from './queries/attention.ts'
import { type AlertDetail, alertDetail } from './queries/detail.ts'
import { openGroups } from './queries/groups.ts'
import { type AlertPage, type AlertQuery, listAlerts } from './queries/list.ts'
import { isAboutPlace } from './queries/place.ts'
import { type RoutePath, type RoutingView, routePaths, routingView } from './queries/routing.ts'
import type { Routing } from './routing/alertmanager-file.ts'
import { type Telling, tellingOf } from './routing/telling.ts'
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
  /** Findings that people look through by themselves, beside the alerts that they make; none without it. */
  keeps?: (finding: Finding) => boolean
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
  /**
   * Another tree takes over between two changes of alerts: what fires is in its groups at once, and receivers that were
   * told of it are not told again. Rejects with the old one in force.
   */
  reroute(routing: Routing): Promise<void>
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
  /** Replaced as a whole. */
  let telling: Telling = tellingOf(config, deps.routing)
  const heartbeats = config.receivers
    .filter((receiver): receiver is HeartbeatConfig => receiver.kind === 'heartbeat')
    .map((receiver) => createHeartbeat(receiver, { database, clock, logger, counters }))
  const silences = createSilences({ database, clock, random })
  /** Looked over anew after each change; at the latest after a second. */
  let inhibition: { by: InhibitedBy; untilMs: number } | undefined
  const inhibitedBy = (alert: Parameters<InhibitedBy>[0]): string[] => {
    const nowMs = clock.monotonicMs()
    if (!inhibition || inhibition.untilMs < nowMs)
      inhibition = { by: telling.inhibitor(lifecycle.open()), untilMs: nowMs + inhibitionMsMax }
    return inhibition.by(alert)
  }
  /** Alerts kept back, with the event people would have heard. */
  const held = new Map<string, Held>()
  const feed = createFeed(config, database)
  const notifier = (receiver: AlertReceiverConfig): Notifier => createNotifier(receiver, config.language, clock)
  const outbox = createOutbox(telling.told, {
    ...{ database, clock, random, logger, counters },
    notifier,
    publicUrl: deps.publicUrl,
  })

  const newId = (): string => `ntf_${random.hex(16)}`
  const intentsOf = (record: AlertRecord, event: NotificationEvent, nowMs: number): NewNotification[] =>
    telling.takers(record, event).map((name) => ({
      id: newId(),
      receiver: name,
      alertId: record.id,
      event,
      alert: { ...alertOf(record), evidence: record.evidence },
      state: 'pending',
      attempts: 0,
      createdMs: nowMs,
      nextAttemptMs: nowMs,
      deadlineMs: nowMs + telling.told.find((receiver) => receiver.name === name)!.deadlineMs,
      leasedUntilMs: 0,
      lastAttemptMs: 0,
    }))

  const lifecycle = createLifecycle(config, {
    ...{ database, clock, random, counters, shown: deps.shown, keeps: deps.keeps },
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

  const behind = (name: string): readonly AlertReceiverConfig[] => telling.routed.get(name) ?? []
  const grouping = createGrouping(telling.routing, {
    ...{ database, clock, logger, newId },
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
  let failure = ''
  const turns = createTurns((error) => {
    failure = error ? `The state database does not answer: ${error.message}` : ''
    if (error) logger.warn({ err: error }, 'alerting could not do its periodic work')
  })

  /** In the turn of those who change alerts: none is written for a tree that is no longer in force. */
  const reroute = async (next: Routing): Promise<void> => {
    const then = tellingOf(config, next)
    await lifecycle.exclusive(async () => {
      await grouping.reroute(next, lifecycle.open(), () => {
        telling = then
      })
      return []
    })
    inhibition = undefined
    await outbox.retarget(then.told)
  }

  const retain = async (): Promise<void> => {
    const nowMs = clock.nowMs()
    await database
      .delete(alerts)
      .where(and(eq(alerts.state, 'resolved'), lt(alerts.resolvedMs, nowMs - config.retainMs)))
    await database.delete(alertChanges).where(lt(alertChanges.atMs, nowMs - config.retainChangesMs))
    await retainFindings(database, nowMs - config.retainFindingsMs, config.findingsMax)
    await database
      .delete(notifications)
      .where(and(ne(notifications.state, 'pending'), lt(notifications.finishedMs, nowMs - config.retainChangesMs)))
  }

  const countPending = async (): Promise<void> => {
    const pending = await pendingOf(database)
    counters.groups.set(await grouping.count())
    for (const { name } of telling.told) counters.pending.set({ receiver: name }, pending.get(name) ?? 0)
  }

  return {
    name: 'alerting',
    feed,
    silences,
    mutedBy,
    why: async (id) =>
      whyOf(await alertDetail(database, lifecycle.current, id), {
        ...{ database, nowMs: clock.nowMs(), receivers: telling.direct, silences, held },
        routed: telling.routing && { routing: telling.routing, receivers: behind },
        inhibitors: (alert) => inhibitedBy(alert).flatMap((one) => lifecycle.current(one) ?? []),
      }),
    open: () => [...lifecycle.open()].map(alertOf),
    receiversOf: (alert) => [
      ...telling.takers(alert, 'firing'),
      ...(telling.routing ? placesOf(telling.routing.root, alert).map((place) => place.route.receiver) : []),
    ],
    submit: (findings) => lifecycle.submit(findings),
    list: (query) => listAlerts(database, lifecycle.current, query),
    detail: (id) => alertDetail(database, lifecycle.current, id),
    attention: (within = everywhere) => attention(database, lifecycle.current, within),
    isWithin: (id, bounds) => isAboutPlace(database, id, bounds),
    acknowledge: (actor, id, note) => acknowledge(verbs, actor, id, note),
    unacknowledge: (actor, id) => unacknowledge(verbs, actor, id),
    addNote: (actor, id, text) => addNote(verbs, actor, id, text),
    receivers: async () => [
      ...(await receiverStatus(database, telling.told)),
      ...heartbeats.map((one) => one.status()),
    ],
    routing: async () => {
      const { routing, routed } = telling
      return routing && routingView(routing, { database, nowMs: clock.nowMs(), routed, open: lifecycle.open() })
    },
    reroute,
    routesOf: (labels) => (telling.routing ? routePaths(telling.routing, labels) : []),
    groups: () => openGroups(telling.routing, lifecycle.open(), (alert) => telling.takers(alert, 'firing')),
    testReceiver: (actor, name) =>
      testReceiver(
        {
          ...{ database, clock, random, notifier, receivers: telling.told },
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
      turns.every(tickMs, () => lifecycle.tick())
      turns.every(tickMs, release)
      turns.every(flushMs, async () => {
        await lifecycle.flush()
        await countPending()
      })
      turns.every(retainEveryMs, retain)
      turns.every(tidyMs, async () => {
        await grouping.tidy()
        await outbox.tidy()
      })
    },
    stop: async () => {
      await turns.stop()
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
