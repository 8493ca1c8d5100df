// Who is told of what. Grouping, inhibition and silences will stand between the step and this choice; nothing else
// decides on receivers.
import { severities } from '#core/finding.ts'
import { type Alert, watchdogRule } from '../alert.ts'
import type { AlertReceiverConfig } from './config.ts'
import { type Matcher, parseMatcher } from './match.ts'
import type { NotificationEvent } from './notification.ts'

/** Names of the receivers, each once. */
export type Router = (alert: Alert, event: NotificationEvent) => string[]

export function createRouter(receivers: readonly AlertReceiverConfig[]): Router {
  const routes = receivers.map((receiver) => ({ receiver, matchers: receiver.match.map(parseMatcher) }))
  return (alert, event) => {
    // The watchdog fires to show that the path lives: that is the heartbeat's business, never a person's.
    if (alert.rule === watchdogRule) return []
    return routes
      .filter((route) => takes(route.receiver, route.matchers, alert, event))
      .map(({ receiver }) => receiver.name)
  }
}

function takes(receiver: AlertReceiverConfig, matchers: Matcher[], alert: Alert, event: NotificationEvent): boolean {
  if (!receiver.alerts) return false
  if (event === 'resolved' && !receiver.sendResolved) return false
  if (event === 'unknown' && !receiver.sendUnknown) return false
  if (severities.indexOf(alert.severity) < severities.indexOf(receiver.minSeverity)) return false
  return matchers.every((matches) => matches(alert))
}
