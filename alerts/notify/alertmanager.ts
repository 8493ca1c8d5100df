// Alerts to a real Alertmanager, as a Prometheus sends them (POST /api/v2/alerts).
import type { Clock } from '#core/clock.ts'
import { annotationsOf, labelsOf } from '../group/labels.ts'
import type { AlertmanagerConfig } from './config.ts'
import { httpCall } from './http-call.ts'
import { type Notifier, pageOf } from './notification.ts'

export function createAlertmanager(config: AlertmanagerConfig, clock: Clock): Notifier {
  const url = `${config.url.replace(/\/+$/, '')}/api/v2/alerts`
  return {
    notify: (notification, signal) => {
      const nowMs = clock.nowMs()
      const alerts = notification.alerts.map((alert) => ({
        labels: named(labelsOf(alert)),
        annotations: named(annotationsOf(alert)),
        startsAt: iso(alert.firedMs ?? alert.startedMs),
        endsAt: iso(alert.resolvedMs ?? nowMs + config.holdMs),
        generatorURL: alert.annotations['generatorURL'] ?? pageOf(notification, alert),
      }))
      const headers = {
        'content-type': 'application/json',
        ...(config.authorization === '' ? {} : { authorization: config.authorization }),
      }
      const body = JSON.stringify(alerts)
      return httpCall({ url, method: 'POST', headers, body, allowPrivate: config.allowPrivate }, signal)
    },
    close: () => {},
  }
}

/** Its names are Prometheus's: one with a dot, or without a value, would refuse the whole request. */
function named(pairs: Readonly<Record<string, string>>): Record<string, string> {
  const legal = (name: string): string => name.replace(/[^a-zA-Z0-9_]/g, '_').replace(/^(?=\d)/, '_')
  const list = Object.entries(pairs).filter(([name, value]) => name !== '' && value !== '')
  // Of two that become the same, the one that was legal stays.
  list.sort(([a], [b]) => Number(legal(a) === a) - Number(legal(b) === b))
  return Object.fromEntries(list.map(([name, value]) => [legal(name), value]))
}

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
