// An alert of a metric rule as a finding.
import type { Finding, FindingState, Severity } from '#core/finding.ts'
import type { ActiveAlert } from './alert-state.ts'
import type { MetricRule, RuleGroup } from './rule-file.ts'

/** The field's words for severity, and ours. */
const severityOf: Record<string, Severity> = {
  critical: 'critical',
  page: 'critical',
  emergency: 'critical',
  high: 'high',
  error: 'high',
  major: 'high',
  medium: 'medium',
  warning: 'medium',
  warn: 'medium',
  minor: 'low',
  low: 'low',
  ticket: 'low',
  info: 'info',
  none: 'info',
}

export const refreshMs = 30_000

export function findingOf(
  rule: MetricRule,
  group: RuleGroup,
  alert: ActiveAlert,
  state: FindingState,
  atMs: number,
): Finding {
  const { labels, annotations } = alert
  const { summary, message } = annotations
  return {
    rule: `metrics/${rule.name}`,
    title: (summary ?? message ?? rule.name).slice(0, 300),
    description: annotations['description'] ?? message ?? summary ?? rule.expr,
    severity: severityOf[(labels['severity'] ?? '').toLowerCase()] ?? 'medium',
    state,
    labels,
    annotations,
    atMs,
    forMs: rule.forMs,
    // Only a finding that stopped being repeated resolves by itself.
    resolveAfterMs: 4 * group.intervalMs + 2 * refreshMs,
    entities: entitiesOf(labels),
    evidence: {
      query: rule.expr,
      language: 'promql',
      fromMs: alert.activeAtMs - Math.max(rule.forMs, 10 * 60_000),
      toMs: atMs + 1,
      eventIds: [],
      value: Number.isFinite(alert.value) ? alert.value : null,
      threshold: null,
    },
  }
}

function entitiesOf(labels: Record<string, string>): string[] {
  const host = labels['host'] ?? labels['nodename'] ?? labels['instance']?.replace(/:\d+$/, '')
  return host ? [`host:${host}`] : []
}
