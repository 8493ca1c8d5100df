// Rules and alerts in the shapes of Prometheus's API.
import type { MetricRuleStatus, RuleGroupStatus } from '#analytics/metric-rules/index.ts'
import { CodedError } from '#core/errors.ts'
import { formatScientific } from '#stores/metrics/promql/index.ts'

const time = (ms: number | null): string => (ms === null ? '0001-01-01T00:00:00Z' : new Date(ms).toISOString())

function alertsOf({ alerts }: MetricRuleStatus) {
  return alerts.map(({ labels, annotations, state, activeAtMs, keepFiringSinceMs, value }) => ({
    ...{ labels, annotations, state, activeAt: time(activeAtMs), value: formatScientific(value) },
    ...(keepFiringSinceMs !== null && { keepFiringSince: time(keepFiringSinceMs) }),
  }))
}

export function alertsData(groups: readonly RuleGroupStatus[]) {
  return { alerts: groups.flatMap(({ rules }) => rules.filter(({ rule }) => rule.kind === 'alert').flatMap(alertsOf)) }
}

export function rulesData(groups: readonly RuleGroupStatus[], params: URLSearchParams) {
  const type = params.get('type') ?? ''
  if (!['', 'alert', 'record'].includes(type))
    throw new CodedError('query.invalid', {
      cause: `not supported value "${type}" for parameter "type"`,
      position: 0,
      hint: 'alert or record',
    })
  const [names, groupNames, files] = ['rule_name[]', 'rule_group[]', 'file[]'].map(
    (name) => new Set(params.getAll(name)),
  ) as [Set<string>, Set<string>, Set<string>]
  const withAlerts = params.get('exclude_alerts') !== 'true'
  const found = groups
    .filter(
      ({ group }) =>
        (groupNames.size === 0 || groupNames.has(group.name)) && (files.size === 0 || files.has(group.file)),
    )
    .map((status) => ({
      status,
      rules: status.rules.filter(
        ({ rule }) => (type === '' || rule.kind === type) && (names.size === 0 || names.has(rule.name)),
      ),
    }))
    .filter(({ rules }) => rules.length > 0 || (type === '' && names.size === 0))
  const limit = Number(params.get('group_limit') ?? 0)
  const token = params.get('group_next_token')
  const key = ({ status }: (typeof found)[number]): string =>
    Buffer.from(`${status.group.file};${status.group.name}`).toString('base64url')
  const first = token === null || token === '' ? 0 : found.findIndex((one) => key(one) === token)
  if (first === -1)
    throw new CodedError('query.invalid', {
      cause: 'invalid group_next_token',
      position: 0,
      hint: 'Ask again without it.',
    })
  const page = found.slice(first, limit > 0 ? first + limit : undefined)
  const next = found[first + page.length]
  return {
    groups: page.map(({ status, rules }) => groupData(status, rules, withAlerts)),
    ...(next && { groupNextToken: key(next) }),
  }
}

function groupData(status: RuleGroupStatus, rules: readonly MetricRuleStatus[], withAlerts: boolean) {
  const { group, lastEvaluatedMs, evaluationMs } = status
  return {
    ...{ name: group.name, file: group.file, interval: group.intervalMs / 1000, limit: group.limit },
    rules: rules.map((one) => ruleData(one, withAlerts)),
    ...{ evaluationTime: evaluationMs / 1000, lastEvaluation: time(lastEvaluatedMs) },
  }
}

function ruleData(status: MetricRuleStatus, withAlerts: boolean) {
  const { rule, health, lastError, evaluationMs, lastEvaluatedMs } = status
  const common = {
    ...{ name: rule.name, query: rule.expr, labels: rule.labels, health },
    ...(lastError !== '' && { lastError }),
    ...{ evaluationTime: evaluationMs / 1000, lastEvaluation: time(lastEvaluatedMs) },
  }
  if (rule.kind === 'record') return { ...common, type: 'recording' }
  const state = status.alerts.some((alert) => alert.state === 'firing')
    ? 'firing'
    : status.alerts.length > 0
      ? 'pending'
      : 'inactive'
  return {
    ...{
      state,
      ...common,
      duration: rule.forMs / 1000,
      keepFiringFor: rule.keepFiringForMs / 1000,
      annotations: rule.annotations,
    },
    ...{ alerts: withAlerts ? alertsOf(status) : [], type: 'alerting' },
  }
}
