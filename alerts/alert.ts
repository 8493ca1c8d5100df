// An alert: findings of one fingerprint and one episode, with a life. The shapes equal those of server/http/api.ts.
import type { Evidence, Severity } from '#core/finding.ts'

export const alertStates = ['pending', 'firing', 'unknown', 'resolved'] as const
export type AlertState = (typeof alertStates)[number]

export interface Alert {
  id: string
  fingerprint: string
  /** Counts up from 1; a new one begins when it is seen again after `resolved`. */
  episode: number
  rule: string
  title: string
  description: string
  severity: Severity
  state: AlertState
  labels: Record<string, string>
  annotations: Record<string, string>
  entities: string[]
  startedMs: number
  firedMs: number | null
  resolvedMs: number | null
  lastSeenMs: number
  findingCount: number
  value: number | null
  threshold: number | null
  acknowledged: { by: string; atMs: number } | null
}

/** What the life cycle keeps of an open alert: the alert, its latest evidence and what decides its next step. */
export interface AlertRecord extends Alert {
  evidence: Evidence
  forMs: number
  resolveAfterMs: number
  activeSinceMs: number
  lastReceivedMs: number
  told: boolean
}

export const changeKinds = [
  'pending',
  'firing',
  'resolved',
  'unknown',
  'updated',
  'acknowledged',
  'unacknowledged',
] as const
export type ChangeKind = (typeof changeKinds)[number]

export interface AlertChange {
  /** Grows with every change; numbers may be left out. */
  sequence: number
  atMs: number
  change: ChangeKind
  alert: Alert
}

export type HistoryKind = 'state' | 'acknowledge' | 'unacknowledge' | 'note' | 'notified' | 'notification-failed'

export interface AlertHistoryRow {
  atMs: number
  kind: HistoryKind
  actor: string
  text: string
}

/** The finding that is always active: it proves the path, pages nobody and needs nobody's attention. */
export const watchdogRule = 'watchdog/self'

/** The part of a record that leaves the house. */
export function alertOf(record: AlertRecord): Alert {
  const {
    evidence: _e,
    forMs: _f,
    resolveAfterMs: _r,
    activeSinceMs: _a,
    lastReceivedMs: _l,
    told: _t,
    ...alert
  } = record
  return alert
}
