// Standard Webhooks 1.0 (github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md): the signature covers
// id, timestamp and the exact bytes of the body, with a symmetric key. The body is the spec's envelope or Alertmanager's.
import { createHmac } from 'node:crypto'
import type { Clock } from '#core/clock.ts'
import { alertmanagerBody } from './alertmanager-body.ts'
import type { WebhookConfig } from './config.ts'
import { httpCall } from './http-call.ts'
import { type Notification, type Notifier, pageOf } from './notification.ts'

export function createWebhook(config: WebhookConfig, clock: Clock): Notifier {
  return {
    notify: (notification, signal) => {
      const asAlertmanager = config.format === 'alertmanager'
      const body = JSON.stringify(
        asAlertmanager ? alertmanagerBody(notification, config.name) : webhookBody(notification),
      )
      const headers = {
        'content-type': 'application/json',
        ...(config.authorization === '' ? {} : { authorization: config.authorization }),
        ...(config.secret === '' ? {} : signature(config.secret, notification.id, body, clock.nowMs())),
      }
      return httpCall({ url: config.url, method: 'POST', headers, body, allowPrivate: config.allowPrivate }, signal)
    },
    close: () => {},
  }
}

/** The time of the attempt, not of what is told: verifiers refuse what is older than minutes. */
export function signature(secret: string, id: string, body: string, nowMs: number): Record<string, string> {
  const key = Buffer.from(secret.slice('whsec_'.length), 'base64')
  const timestamp = String(Math.floor(nowMs / 1000))
  const signed = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signed}` }
}

/** The envelope the spec proposes: type, timestamp, data. Documented in docs/alerts.md. */
export function webhookBody(notification: Notification): object {
  const { group, alerts, event, createdMs } = notification
  const timestamp = new Date(createdMs).toISOString()
  if (!group) return { type: `alert.${event}`, timestamp, data: { url: pageOf(notification, alerts[0]), ...alerts[0] } }
  const { key, receiver, labels, truncated } = group
  return {
    type: `group.${event}`,
    timestamp,
    data: {
      ...{ groupKey: key, receiver, labels, truncated },
      alerts: alerts.map((alert) => ({ url: pageOf(notification, alert), ...alert })),
    },
  }
}
