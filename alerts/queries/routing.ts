// The routing tree as it stands now: which alerts go where, what is quiet, who stands behind each name.
import { count } from 'drizzle-orm'
import { notificationGroups } from '#stores/state/schema/groups.ts'
import type { Database } from '#stores/state/state.ts'
import type { Alert } from '../alert.ts'
import { isTold, labelsOf } from '../group/labels.ts'
import type { AlertReceiverConfig, ReceiverKind } from '../notify/config.ts'
import type { Routing } from '../routing/alertmanager-file.ts'
import { matcherText } from '../routing/label-matchers.ts'
import { quietUntil } from '../routing/quiet.ts'
import { type Branch, groupLabels, routesFor } from '../routing/route-tree.ts'
import { changesAt, intervalText, isWithin } from '../routing/time-interval.ts'

export interface RouteView {
  path: string
  receiver: string
  matchers: string[]
  continues: boolean
  groupBy: string[]
  groupWaitMs: number
  groupIntervalMs: number
  repeatIntervalMs: number
  muteTimeIntervals: string[]
  activeTimeIntervals: string[]
  /** Set while a time interval keeps it quiet. */
  quiet: { interval: string; untilMs: number | null } | null
  /** Open alerts that it takes itself, and their groups. */
  alerts: number
  groups: number
  routes: RouteView[]
}

export interface RoutingView {
  root: RouteView
  intervals: { name: string; parts: string[]; holds: boolean; untilMs: number | null }[]
  receivers: { name: string; behind: { name: string; kind: ReceiverKind }[] }[]
}

export interface RoutingDeps {
  database: Database
  nowMs: number
  routed: ReadonlyMap<string, readonly AlertReceiverConfig[]>
  open: Iterable<Alert>
}

export async function routingView(
  routing: Routing,
  { database, nowMs, routed, open }: RoutingDeps,
): Promise<RoutingView> {
  const alerts = new Map<string, number>()
  for (const alert of open)
    if (alert.state === 'firing' || alert.state === 'unknown')
      for (const { id } of isTold(alert) ? routesFor(routing.root, labelsOf(alert)) : [])
        alerts.set(id, (alerts.get(id) ?? 0) + 1)
  const groups = await groupsByRoute(database)
  const view = ({ route, matchers, goesOn, children }: Branch): RouteView => {
    const { id, key: _, ...rest } = route
    const muting = quietUntil(route, routing, nowMs)
    return {
      ...rest,
      matchers: matchers.map(matcherText),
      continues: goesOn,
      quiet: muting ? { interval: muting.interval, untilMs: muting.untilMs } : null,
      alerts: alerts.get(id) ?? 0,
      groups: groups.get(id) ?? 0,
      routes: children.map(view),
    }
  }
  return {
    root: view(routing.root),
    intervals: [...routing.intervals.values()].map((interval) => ({
      name: interval.name,
      parts: interval.intervals.map(intervalText),
      holds: isWithin(interval, nowMs),
      untilMs: changesAt(interval, nowMs) ?? null,
    })),
    receivers: [...routed].map(([name, behind]) => ({
      name,
      behind: behind.map((one) => ({ name: one.name, kind: one.kind })),
    })),
  }
}

async function groupsByRoute(database: Database): Promise<Map<string, number>> {
  const { routeId } = notificationGroups
  const rows = await database.select({ routeId, groups: count() }).from(notificationGroups).groupBy(routeId)
  return new Map(rows.map((row) => [row.routeId, row.groups]))
}

export interface RoutePath {
  path: string
  receiver: string
  group: Record<string, string>
}

/** Where an alert with these labels would go. */
export function routePaths(routing: Routing, labels: Record<string, string>): RoutePath[] {
  return routesFor(routing.root, labels).map((route) => ({
    ...{ path: route.path, receiver: route.receiver, group: groupLabels(route, labels) },
  }))
}
