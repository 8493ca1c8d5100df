// One alerting rule's alerts: inactive → pending → firing, kept firing for a while, then forgotten. No I/O, no templates.
import type { Labels } from '#core/sample.ts'

export interface AlertSeen {
  labels: Labels
  annotations: Record<string, string>
  value: number
}

export interface ActiveAlert extends AlertSeen {
  state: 'pending' | 'firing'
  activeAtMs: number
  firedAtMs: number | null
  keepFiringSinceMs: number | null
}

export interface AlertChange {
  alert: ActiveAlert
  /** `ended`: it is gone after this evaluation. */
  change: 'started' | 'fired' | 'goes on' | 'ended'
}

/** Advances to one evaluation. `active` is changed; the keys are those of the labels. */
export function advance(
  active: Map<string, ActiveAlert>,
  seen: ReadonlyMap<string, AlertSeen>,
  atMs: number,
  rule: { forMs: number; keepFiringForMs: number },
): AlertChange[] {
  const changes: AlertChange[] = []
  for (const [key, one] of seen) {
    const known = active.get(key)
    if (known) Object.assign(known, { value: one.value, annotations: one.annotations })
    else active.set(key, { ...one, state: 'pending', activeAtMs: atMs, firedAtMs: null, keepFiringSinceMs: null })
  }
  for (const [key, alert] of active) {
    if (seen.has(key)) alert.keepFiringSinceMs = null
    else {
      if (alert.state === 'firing' && rule.keepFiringForMs > 0) alert.keepFiringSinceMs ??= atMs
      const kept = alert.keepFiringSinceMs !== null && atMs - alert.keepFiringSinceMs < rule.keepFiringForMs
      if (!kept) {
        active.delete(key)
        changes.push({ alert, change: 'ended' })
        continue
      }
    }
    if (alert.state === 'pending' && atMs - alert.activeAtMs >= rule.forMs) {
      alert.state = 'firing'
      alert.firedAtMs = atMs
      changes.push({ alert, change: 'fired' })
    } else
      changes.push({ alert, change: alert.activeAtMs === atMs && alert.state === 'pending' ? 'started' : 'goes on' })
  }
  return changes
}
