// What is told, and the contract of those who tell it.
import type { Evidence } from '#core/finding.ts'
import type { Alert } from '../alert.ts'
import type { NotificationEvent } from '../lifecycle/transition.ts'

export type { NotificationEvent }

/** The alert as it was when the intent was written, with what shows it again. */
export interface NotifiedAlert extends Alert {
  evidence: Evidence
}

export interface Notification {
  /** The same at every attempt: a receiver that has seen it may drop it. */
  id: string
  event: NotificationEvent
  createdMs: number
  /** 1 at the first attempt. */
  attempt: number
  alert: NotifiedAlert
  /** Page of the alert in the ops centre; empty when `externalUrl` is not configured. */
  url: string
}

/** As Alertmanager's Notifier (notify/notify.go): a failure says whether another attempt makes sense. */
export type Delivery = { ok: true } | { ok: false; retry: boolean; error: string; retryAfterMs?: number }

export interface Notifier {
  /** Never rejects. Gives up when the signal aborts. */
  notify(notification: Notification, signal: AbortSignal): Promise<Delivery>
  close(): void
}
