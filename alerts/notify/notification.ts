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
  /** Of a group `firing` as long as one of its alerts fires, else `resolved`. */
  event: NotificationEvent
  createdMs: number
  /** 1 at the first attempt. */
  attempt: number
  /** At least one. */
  alerts: [NotifiedAlert, ...NotifiedAlert[]]
  /** Set when the routing tree told: several alerts at once. */
  group?: { key: string; receiver: string; path: string; labels: Record<string, string>; truncated: number }
  /** The ops centre; empty when its address is not known. */
  publicUrl: string
}

/** Page of an alert; empty when the address of the ops centre is not known. */
export function pageOf({ publicUrl }: Pick<Notification, 'publicUrl'>, { id }: Pick<Alert, 'id'>): string {
  return publicUrl === '' ? '' : `${publicUrl}/alerts/${id}`
}

/** Why it failed, in Alertmanager's words where it has some. */
export type FailureReason = 'clientError' | 'serverError' | 'rateLimited' | 'timeout' | 'refusedAddress' | 'other'

/** As Alertmanager's Notifier (notify/notify.go): a failure says whether another attempt makes sense. */
export type Delivery =
  | { ok: true }
  | {
      ok: false
      retry: boolean
      error: string
      reason: FailureReason
      retryAfterMs?: number
      /** It went out and nobody said what became of it: it may have arrived. */
      maybe?: boolean
    }

export interface Notifier {
  /** Never rejects. Gives up when the signal aborts. */
  notify(notification: Notification, signal: AbortSignal): Promise<Delivery>
  close(): void
}
