import { Counter, Gauge, Histogram, type Registry } from 'prom-client'

export interface AlertingCounters {
  findings: Counter<'state'>
  refused: Counter<'reason'>
  opened: Counter<'severity'>
  resolved: Counter<'severity'>
  submitSeconds: Histogram
  sent: Counter<'receiver'>
  failed: Counter<'receiver' | 'reason'>
  requests: Counter<'receiver'>
  groups: Gauge
  suppressed: Counter<'reason'>
  retried: Counter<'receiver'>
  deliverySeconds: Histogram<'receiver'>
  pending: Gauge<'receiver'>
}

export function createCounters(registry: Registry): AlertingCounters {
  const registers = [registry]
  return {
    findings: new Counter({
      name: 'guanlan_alerts_findings_total',
      help: 'Findings taken',
      labelNames: ['state'],
      registers,
    }),
    refused: new Counter({
      name: 'guanlan_alerts_refused_total',
      help: 'Findings that opened no alert: too-many (told by a summary), already-seen (a replay)',
      labelNames: ['reason'],
      registers,
    }),
    opened: new Counter({
      name: 'guanlan_alerts_opened_total',
      help: 'Episodes begun',
      labelNames: ['severity'],
      registers,
    }),
    resolved: new Counter({
      name: 'guanlan_alerts_resolved_total',
      help: 'Episodes ended',
      labelNames: ['severity'],
      registers,
    }),
    submitSeconds: new Histogram({
      name: 'guanlan_alerts_submit_duration_seconds',
      help: 'From a finding to its alert on disk',
      buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
      registers,
    }),
    sent: new Counter({
      name: 'guanlan_notifications_sent_total',
      help: 'Notifications delivered',
      labelNames: ['receiver'],
      registers,
    }),
    failed: new Counter({
      name: 'guanlan_notifications_failed_total',
      help: 'Notifications given up, by reason: clientError, serverError, rateLimited, timeout, refusedAddress, other',
      labelNames: ['receiver', 'reason'],
      registers,
    }),
    requests: new Counter({
      name: 'guanlan_notification_requests_total',
      help: 'Attempts, whatever became of them',
      labelNames: ['receiver'],
      registers,
    }),
    suppressed: new Counter({
      name: 'guanlan_notifications_suppressed_total',
      help: 'Alerts left out of a turn of their group: silence, inhibition, time_interval',
      labelNames: ['reason'],
      registers,
    }),
    groups: new Gauge({
      name: 'guanlan_notification_groups',
      help: 'Groups of alerts in the routing tree',
      registers,
    }),
    retried: new Counter({
      name: 'guanlan_notifications_retried_total',
      help: 'Attempts that failed and will be repeated',
      labelNames: ['receiver'],
      registers,
    }),
    deliverySeconds: new Histogram({
      name: 'guanlan_notification_delivery_duration_seconds',
      help: 'One attempt',
      labelNames: ['receiver'],
      buckets: [0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 120],
      registers,
    }),
    pending: new Gauge({
      name: 'guanlan_notifications_pending',
      help: 'Notifications in the outbox',
      labelNames: ['receiver'],
      registers,
    }),
  }
}
