// Alerts as ECS 9 documents, as Elastic Security reads them (event.kind: alert, rule.*, threat.*).
import type { Severity } from '#core/finding.ts'
import { attackOf, type FeedItem, type FeedSource, iso } from './alert.ts'
import { tacticIds } from './tactics.ts'

/** Elastic's own scale of 0 to 100. */
const scores: Record<Severity, number> = { info: 1, low: 21, medium: 47, high: 73, critical: 99 }

export function ecsOf({ sequence, atMs, change, alert, evidence }: FeedItem, source: FeedSource): object {
  const { annotations } = alert
  const { tactics, techniques } = attackOf(alert)
  return {
    '@timestamp': iso(alert.lastSeenMs),
    ...alert.labels,
    message: alert.title,
    'ecs.version': '9.0.0',
    'event.id': `${alert.id}-${sequence}`,
    'event.kind': 'alert',
    'event.category': ['intrusion_detection'],
    'event.type': alert.state === 'resolved' ? ['end'] : ['info'],
    'event.action': change,
    'event.reason': annotations['summary'] ?? alert.description,
    'event.severity': scores[alert.severity],
    'event.start': iso(alert.startedMs),
    ...(alert.resolvedMs === null ? {} : { 'event.end': iso(alert.resolvedMs) }),
    'event.created': iso(atMs),
    'event.dataset': 'guanlan.alert',
    'event.provider': 'guanlan',
    ...(source.url === '' ? {} : { 'event.url': `${source.url}/alerts/${alert.id}` }),
    'rule.id': annotations['rule.id'] ?? alert.rule,
    'rule.name': annotations['rule.title'] ?? alert.title,
    'rule.ruleset': alert.rule.slice(0, alert.rule.indexOf('/')),
    ...(annotations['rule.author'] ? { 'rule.author': annotations['rule.author'].split(/,\s*/) } : {}),
    ...(annotations['rule.license'] ? { 'rule.license': annotations['rule.license'] } : {}),
    ...(annotations['rule.link'] ? { 'rule.reference': annotations['rule.link'] } : {}),
    ...(tactics.length > 0
      ? {
          'threat.framework': 'MITRE ATT&CK',
          'threat.tactic.name': tactics,
          'threat.tactic.id': tactics.flatMap((name) => tacticIds[name] ?? []),
        }
      : {}),
    ...(techniques.length > 0 ? { 'threat.technique.id': techniques } : {}),
    'observer.vendor': 'Guanlan',
    'observer.product': 'Guanlan',
    'observer.version': source.version,
    'guanlan.alert': {
      ...{ id: alert.id, sequence, state: alert.state, severity: alert.severity, entities: alert.entities },
      ...{ findings: alert.findingCount, value: alert.value, threshold: alert.threshold },
      query: evidence?.query ?? '',
    },
  }
}
