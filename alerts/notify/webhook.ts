// Standard Webhooks 1.0 (github.com/standard-webhooks/standard-webhooks, spec/standard-webhooks.md): the signature covers
// id, timestamp and the exact bytes of the body, with a symmetric key.
import { createHmac } from 'node:crypto'
import type { Clock } from '#core/clock.ts'
import type { WebhookConfig } from './config.ts'
import { httpCall } from './http-call.ts'
import type { Notification, Notifier } from './notification.ts'

export function createWebhook(config: WebhookConfig, clock: Clock): Notifier {
  const key = Buffer.from(config.secret.slice('whsec_'.length), 'base64')
  return {
    notify: (notification, signal) => {
      const body = JSON.stringify(webhookBody(notification))
      // The time of the attempt, not of the alert: verifiers refuse what is older than minutes.
      const timestamp = String(Math.floor(clock.nowMs() / 1000))
      const signature = createHmac('sha256', key).update(`${notification.id}.${timestamp}.${body}`).digest('base64')
      const headers = {
        'content-type': 'application/json',
        'webhook-id': notification.id,
        'webhook-timestamp': timestamp,
        'webhook-signature': `v1,${signature}`,
      }
      return httpCall({ url: config.url, method: 'POST', headers, body, allowPrivate: config.allowPrivate }, signal)
    },
    close: () => {},
  }
}

/** The envelope the spec proposes: type, timestamp, data. Documented in docs/alerts.md. */
export function webhookBody(notification: Notification): object {
  return {
    type: `alert.${notification.event}`,
    timestamp: new Date(notification.createdMs).toISOString(),
    data: { url: notification.url, ...notification.alert },
  }
}
