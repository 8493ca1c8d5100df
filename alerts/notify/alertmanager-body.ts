// The body that Alertmanager's webhook sends (version 4; template/template.go and notify/webhook/webhook.go there), so
// that what was written for it works here.
import { annotationsOf, labelFingerprint, labelsOf } from '../group/labels.ts'
import { groupKeyText } from '../routing/route-tree.ts'
import type { Notification, NotifiedAlert } from './notification.ts'

export function alertmanagerBody({ group, alerts, publicUrl }: Notification, receiver: string): object {
  const sets = alerts.map(labelsOf)
  const labels = group?.labels ?? sets[0]!
  return {
    receiver: group?.receiver ?? receiver,
    status: alerts.some(({ state }) => state !== 'resolved') ? 'firing' : 'resolved',
    alerts: alerts.map(alertOf),
    groupLabels: labels,
    commonLabels: common(sets),
    commonAnnotations: common(alerts.map(annotationsOf)),
    externalURL: publicUrl,
    version: '4',
    groupKey: group?.key ?? groupKeyText('{}', labels),
    truncatedAlerts: group?.truncated ?? 0,
  }
}

function alertOf(alert: NotifiedAlert): object {
  const labels = labelsOf(alert)
  return {
    status: alert.state === 'resolved' ? 'resolved' : 'firing',
    labels,
    annotations: annotationsOf(alert),
    startsAt: new Date(alert.firedMs ?? alert.startedMs).toISOString(),
    // The year 1 is Go's "not set".
    endsAt: alert.resolvedMs === null ? '0001-01-01T00:00:00Z' : new Date(alert.resolvedMs).toISOString(),
    generatorURL: alert.annotations['generatorURL'] ?? '',
    fingerprint: labelFingerprint(labels),
  }
}

function common(sets: readonly Record<string, string>[]): Record<string, string> {
  const [first = {}, ...others] = sets
  return Object.fromEntries(
    Object.entries(first)
      .filter(([name, value]) => others.every((set) => set[name] === value))
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  )
}
