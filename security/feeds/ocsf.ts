// Alerts as OCSF 1.5 Detection Findings (class 2004, category Findings; schema.ocsf.io).
import type { Severity } from '#core/finding.ts'
import { attackOf, type FeedItem, type FeedSource } from './alert.ts'
import { type Observable, observablesOf } from './observables.ts'
import { tacticIds } from './tactics.ts'

const classUid = 2004
const severities: Record<Severity, [id: number, name: string]> = {
  info: [1, 'Informational'],
  low: [2, 'Low'],
  medium: [3, 'Medium'],
  high: [4, 'High'],
  critical: [5, 'Critical'],
}
/** Create, Update, Close. */
const activities = { firing: [1, 'Create'], resolved: [3, 'Close'] } as const
/** type_id of the observable object. */
const observableTypes: Record<Observable['kind'], [id: number, name: string]> = {
  'ipv4-addr': [2, 'IP Address'],
  'ipv6-addr': [2, 'IP Address'],
  'domain-name': [1, 'Hostname'],
  url: [6, 'URL String'],
  'email-addr': [5, 'Email Address'],
  'user-account': [4, 'User Name'],
  file: [8, 'Hash'],
}

export function ocsfOf({ sequence, atMs, change, alert, evidence }: FeedItem, source: FeedSource): object {
  const { annotations } = alert
  const [activityId, activity] = activities[change as keyof typeof activities] ?? [2, 'Update']
  const [severityId, severity] = severities[alert.severity]
  const { tactics, techniques } = attackOf(alert)
  const observables = observablesOf(alert.labels).map(({ kind, value, field }) => ({
    ...{ name: field, value, type_id: observableTypes[kind][0], type: observableTypes[kind][1] },
  }))
  const attacks =
    techniques.length > 0
      ? techniques.map((uid) => ({ version: '17', technique: { uid } }))
      : tactics.flatMap((name) => (tacticIds[name] ? [{ version: '17', tactic: { name, uid: tacticIds[name] } }] : []))
  return {
    activity_id: activityId,
    activity_name: activity,
    category_uid: 2,
    category_name: 'Findings',
    class_uid: classUid,
    class_name: 'Detection Finding',
    type_uid: classUid * 100 + activityId,
    type_name: `Detection Finding: ${activity}`,
    time: atMs,
    start_time: alert.startedMs,
    ...(alert.resolvedMs === null ? {} : { end_time: alert.resolvedMs }),
    severity_id: severityId,
    severity,
    // New, In Progress, Resolved.
    status_id: alert.state === 'resolved' ? 4 : 1,
    status: alert.state === 'resolved' ? 'Resolved' : 'New',
    message: annotations['summary'] ?? alert.description,
    count: alert.findingCount,
    finding_info: {
      uid: alert.id,
      title: alert.title,
      desc: alert.description,
      types: [alert.rule.slice(0, alert.rule.indexOf('/'))],
      created_time: alert.startedMs,
      first_seen_time: Math.min(alert.startedMs, alert.lastSeenMs),
      last_seen_time: alert.lastSeenMs,
      modified_time: atMs,
      analytic: {
        ...{ uid: annotations['rule.id'] ?? alert.rule, name: annotations['rule.title'] ?? alert.rule },
        ...{ type_id: 1, type: 'Rule' },
        ...(annotations['rule.author'] ? { desc: `by ${annotations['rule.author']}` } : {}),
      },
      ...(attacks.length > 0 ? { attacks } : {}),
      ...(source.url === '' ? {} : { src_url: `${source.url}/alerts/${alert.id}` }),
    },
    evidences: [{ data: { labels: alert.labels, query: evidence?.query ?? '', eventIds: evidence?.eventIds ?? [] } }],
    resources: alert.entities.map((entity) => ({
      ...{ uid: entity, type: entity.slice(0, entity.indexOf(':')), name: entity.slice(entity.indexOf(':') + 1) },
    })),
    ...(observables.length > 0 ? { observables } : {}),
    metadata: {
      version: '1.5.0',
      uid: `${alert.id}-${sequence}`,
      sequence,
      product: { name: 'Guanlan', vendor_name: 'Guanlan', version: source.version },
      ...(annotations['rule.license'] ? { labels: [`license:${annotations['rule.license']}`] } : {}),
    },
    unmapped: { annotations },
  }
}
