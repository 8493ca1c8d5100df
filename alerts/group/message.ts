// What is told of a group, as it was when that was decided.
import type { NotifiedAlert } from '../notify/notification.ts'

export interface GroupMessage {
  /** As Alertmanager writes it. */
  groupKey: string
  /** The name in the routing tree; several of ours may stand behind it. */
  receiver: string
  /** Where the route stands in the file. */
  path: string
  labels: Record<string, string>
  /** In Alertmanager's order, at most as many as the receiver takes. */
  alerts: NotifiedAlert[]
  truncated: number
  /** Of all, also of those cut off: fingerprints of label sets. */
  firing: string[]
  resolved: string[]
  /** Episodes that are over, also those that were muted: they leave the group once this is told. */
  resolvedIds: string[]
  repeatIntervalMs: number
}
