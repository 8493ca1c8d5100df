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

/** Names of annotations may hold no dot before Prometheus 3: what a rule says in Chinese has names of its own there. */
export function withChinese(annotations: Readonly<Record<string, string>>): Record<string, string> {
  const { summary_zh: title, description_zh: description } = annotations
  return {
    ...(title ? { 'title.zh': title.slice(0, titleCharsMax) } : {}),
    ...(description ? { 'description.zh': description } : {}),
    ...annotations,
  }
}

const titleCharsMax = 300

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
    title: (summary ?? message ?? rule.name).slice(0, titleCharsMax),
    description: annotations['description'] ?? message ?? summary ?? rule.expr,
    severity: severityOf[(labels['severity'] ?? '').toLowerCase()] ?? 'medium',
    state,
    labels,
    annotations: withChinese(annotations),
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
