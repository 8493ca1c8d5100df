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
        // An empty label is no label there, and it refuses the whole request.
        labels: Object.fromEntries(Object.entries(labelsOf(alert)).filter(([, value]) => value !== '')),
        annotations: annotationsOf(alert),
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

function iso(ms: number): string {
  return new Date(ms).toISOString()
}
